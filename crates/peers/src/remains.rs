//! What a daemon leaves when it is gone, above all when it was killed.
//!
//! The containers of a killed daemon go on, their file systems stay mounted, and a folder in which something is mounted
//! cannot be removed: each would outlast the test. A control group around the daemon would tell what is its own, but
//! BuildKit and dockerd put what they run into groups of their own; where its root file system lies tells it too.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, unmount};
use rustix::process::Pid;

use crate::process::Process;

/// Where control groups are mounted, of one hierarchy or each of several in a folder of its own.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// The folder of a daemon. With this value everything ends that has its root file system there, everything is unmounted
/// that is mounted there, and the folder is removed. It is made before the daemon and dropped after it.
#[derive(Debug)]
pub(crate) struct Remains(PathBuf);

impl Remains {
    /// Makes the folder that a daemon has everything in.
    pub(crate) fn of(folder: PathBuf) -> io::Result<Self> {
        fs_err::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        let groups: BTreeSet<_> = containers(&self.0).into_iter().flat_map(Container::end).collect();
        for group in &groups {
            remove_group(group);
        }
        for mount in mounts("self").iter().rev() {
            if Path::new(mount.point()).starts_with(&self.0) {
                let _ = unmount(mount.point(), UnmountFlags::DETACH);
            }
        }
        let _ = fs_err::remove_dir_all(&self.0);
    }
}

/// A process that has its root file system beneath a folder.
struct Container {
    id: Pid,
    process: Process,
}

fn containers(folder: &Path) -> Vec<Container> {
    let processes = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let open = |id| {
        let process = Process::open(id)?;
        // Looked at once it is held: what is ended is what was looked at, also when the id is used again.
        is_rooted(id, folder).then_some(Container { id, process })
    };
    ids.filter_map(Pid::from_raw).filter_map(open).collect()
}

fn is_rooted(id: Pid, folder: &Path) -> bool {
    let layers = format!("={}/", folder.display());
    let mounts = mounts(&id.as_raw_nonzero().to_string());
    let root = mounts.iter().rfind(|mount| mount.point() == "/");
    root.is_some_and(|root| root.0.contains(&layers))
}

impl Container {
    /// Ends it, and answers the control groups that it was in, once it is gone.
    fn end(self) -> Vec<String> {
        let groups = read(&format!("/proc/{}/cgroup", self.id.as_raw_nonzero()));
        self.process.kill();
        let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
        paths.map(str::to_owned).collect()
    }
}

/// Removes a control group in every hierarchy in which nothing is in it.
fn remove_group(path: &str) {
    let hierarchies = fs_err::read_dir(CONTROL_GROUPS).into_iter().flatten().flatten();
    let roots = hierarchies.map(|hierarchy| hierarchy.path());
    for root in roots.chain([PathBuf::from(CONTROL_GROUPS)]) {
        let _ = fs_err::remove_dir(root.join(path.trim_start_matches('/')));
    }
}

/// A line of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`). Paths of scratch folders have nothing that is escaped there.
struct Mount(String);

impl Mount {
    fn point(&self) -> &str {
        self.0.split(' ').nth(4).unwrap_or_default()
    }
}

fn mounts(process: &str) -> Vec<Mount> {
    let text = read(&format!("/proc/{process}/mountinfo"));
    text.lines().map(|line| Mount(line.to_owned())).collect()
}

/// Reads a file of `/proc`; that of a process which has ended is empty.
fn read(path: &str) -> String {
    fs_err::read_to_string(path).unwrap_or_default()
}
