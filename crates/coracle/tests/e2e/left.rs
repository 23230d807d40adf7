//! What of the host a server's keeper has, to see that nothing of it stays.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use crate::machine::Machine;

/// How long what was killed may take to be cleared away.
const PATIENCE: Timespec = Timespec {
    tv_sec: 60,
    tv_nsec: 0,
};

/// The keepers of a data directory while they live: the keeper itself, its watchdog, its workers.
pub(crate) struct Keepers {
    data: PathBuf,
    keeper: u32,
    family: Vec<OwnedFd>,
    groups: Vec<PathBuf>,
}

impl Keepers {
    /// Finds the keeper of the machine's server, which must have one.
    pub(crate) fn of(machine: &Machine) -> Self {
        let family = keepers_below(machine.data());
        let groups: Vec<PathBuf> = family.iter().flat_map(|pid| groups_of(*pid)).collect();
        // The one that is no other's child began them all.
        let keeper = family.iter().copied().find(|pid| !family.contains(&parent(*pid)));
        Self {
            data: machine.data().to_owned(),
            keeper: keeper.expect("the server has a keeper"),
            family: family.into_iter().filter_map(open).collect(),
            groups,
        }
    }

    /// Kills the keeper itself.
    pub(crate) fn kill(&self) {
        kill_process(process(self.keeper), Signal::KILL).unwrap();
    }

    /// Answers the processes in its sandboxes: the first process of each, and what that runs.
    pub(crate) fn sandboxed(&self) -> BTreeSet<u32> {
        let sandboxes = self.groups.iter().flat_map(|group| folders(group));
        sandboxes
            .filter(|group| !group.ends_with("_workers"))
            .flat_map(|group| members(&group))
            .collect()
    }

    /// Answers what waits until all that runs in its sandboxes now has ended. Workers, which wait in groups for sandboxes
    /// to come, do not count.
    pub(crate) fn watch_sandboxed(&self) -> impl FnOnce() + use<> {
        let runs = self
            .sandboxed()
            .into_iter()
            .filter(|pid| name(*pid) != "coracle-keeper");
        let running: Vec<OwnedFd> = runs.filter_map(open).collect();
        assert!(!running.is_empty());
        move || running.iter().for_each(await_end)
    }

    /// Kills everything in its sandboxes.
    pub(crate) fn kill_sandboxed(&self) {
        let sandboxed: Vec<OwnedFd> = self.sandboxed().into_iter().filter_map(open).collect();
        assert!(!sandboxed.is_empty());
        for process in &sandboxed {
            // A program goes with its sandbox's first process: killing that one may find it gone.
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
        sandboxed.iter().for_each(await_end);
    }

    /// Waits until the keeper has ended with everything around it.
    pub(crate) fn end(&self) {
        self.family.iter().for_each(await_end);
    }

    /// Waits until the keeper has ended, and expects that nothing of it is left.
    pub(crate) fn leave_nothing(self) {
        self.end();
        assert_eq!(left_of(&self.data, self.keeper), Vec::<String>::new());
    }
}

/// Opens a process, unless it has ended.
fn open(pid: u32) -> Option<OwnedFd> {
    pidfd_open(process(pid), PidfdFlags::empty()).ok()
}

fn await_end(process: &OwnedFd) {
    let ended = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&PATIENCE)).unwrap();
    assert_eq!(ended, 1, "a process lives on");
}

/// Answers what is left of a keeper that has ended, for people to read.
fn left_of(data: &Path, keeper: u32) -> Vec<String> {
    let groups = groups_of(keeper);
    let processes = groups.iter().flat_map(|group| members(group));
    let mut left: Vec<String> = processes.map(|pid| format!("process {pid}")).collect();
    left.extend(groups.iter().map(|group| format!("group {}", group.display())));
    let mounts = fs_err::read_to_string("/proc/self/mountinfo").unwrap();
    let ours = |line: &&str| line.contains(data.to_str().unwrap());
    left.extend(mounts.lines().filter(ours).map(str::to_owned));
    // The next keeper may be there already.
    if keepers_below(data).is_empty() && data.join("run/keeper.sock").exists() {
        left.push("the keeper's socket".to_owned());
    }
    left.extend(orphans());
    left
}

/// Answers links and tables of the network that no keeper of this host has: each has one of either at most, and a watchdog
/// that outlives them.
///
/// Other keepers may come and go meanwhile, so they are counted before and after.
fn orphans() -> Vec<String> {
    let mut owners = watchdogs();
    let found = [links(), tables()];
    owners.extend(watchdogs());
    let too_many = found.into_iter().filter(|found| found.len() > owners.len());
    too_many.flatten().collect()
}

/// Answers the watchdogs of all keepers of this host.
fn watchdogs() -> BTreeSet<u32> {
    processes().filter(|pid| name(*pid) == "coracle-watch").collect()
}

/// Answers what a process is called; nothing if it has ended.
fn name(pid: u32) -> String {
    let name = fs_err::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim().to_owned()
}

fn links() -> Vec<String> {
    let links = fs_err::read_dir("/sys/class/net").unwrap().map(Result::unwrap);
    links
        .map(|link| link.file_name().into_string().unwrap())
        .filter(|name| name.starts_with("coracle"))
        .collect()
}

fn tables() -> Vec<String> {
    let listed = Command::new("/usr/sbin/nft").args(["list", "tables"]).output();
    let listed = listed.expect("`cargo xtask test` installs nftables");
    assert!(listed.status.success(), "{listed:?}");
    let text = String::from_utf8(listed.stdout).unwrap();
    let ours = |line: &&str| line.contains(" coracle");
    text.lines().filter(ours).map(str::to_owned).collect()
}

/// Answers all processes that are keepers, or children of theirs, of a data directory.
fn keepers_below(data: &Path) -> Vec<u32> {
    let below = |pid: &u32| keepers_run_directory(*pid).is_some_and(|run| Path::new(&run).starts_with(data));
    processes().filter(below).collect()
}

/// Answers the second argument of a process whose first is the hidden verb.
fn keepers_run_directory(pid: u32) -> Option<String> {
    let line = fs_err::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = line.split('\0').skip(1);
    (words.next()? == "keeper").then(|| words.next().unwrap_or_default().to_owned())
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs_err::read_dir("/proc").unwrap().map(Result::unwrap);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent(pid: u32) -> u32 {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or_default()
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).unwrap()
}

/// Answers the control groups of a keeper in every hierarchy.
fn groups_of(keeper: u32) -> Vec<PathBuf> {
    let root = PathBuf::from("/sys/fs/cgroup");
    let hierarchies = folders(&root).into_iter().chain([root]);
    let owned = |group: &PathBuf| {
        let name = group.file_name().unwrap().to_str().unwrap();
        name.starts_with(&format!("{keeper}-"))
    };
    hierarchies
        .flat_map(|hierarchy| folders(&hierarchy.join("coracle")))
        .filter(owned)
        .collect()
}

fn members(group: &Path) -> Vec<u32> {
    let text = fs_err::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let own = text.lines().map(|line| line.parse().unwrap());
    let below = folders(group).into_iter().flat_map(|group| members(&group));
    own.chain(below).collect()
}

/// Answers the directories in a directory; none when that is gone.
fn folders(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map_while(Result::ok);
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}
