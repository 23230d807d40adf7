//! The control groups of keepers, seen from the host, and what the kernel tells of them.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, timeout_at};

use crate::world::PATIENCE;

/// Answers the folders that have the groups of all keepers, one in each hierarchy.
pub(crate) fn families() -> Vec<PathBuf> {
    let mut roots = vec![PathBuf::from("/sys/fs/cgroup")];
    roots.extend(entries(Path::new("/sys/fs/cgroup")));
    let families = roots.into_iter().map(|root| root.join("coracle"));
    families.filter(|family| family.is_dir()).collect()
}

/// Answers the groups of the keeper `pid`.
pub(crate) fn groups_of(pid: u32) -> Vec<PathBuf> {
    let owned = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(&format!("{pid}-"))
    };
    families()
        .iter()
        .flat_map(|family| entries(family))
        .filter(owned)
        .collect()
}

/// Answers what is in a folder; nothing when it is gone.
pub(crate) fn entries(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).map_or_else(
        |_| Vec::new(),
        |found| found.map(|entry| entry.unwrap().path()).collect(),
    )
}

/// Answers the processes in a group and in those below it.
pub(crate) fn members(group: &Path) -> Vec<u32> {
    let own = std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let below = entries(group)
        .into_iter()
        .filter(|path| path.is_dir())
        .flat_map(|path| members(&path));
    own.lines()
        .map(|line| line.parse().unwrap())
        .chain(below)
        .collect()
}

/// What the kernel tells of control groups: that one is removed, to who watches the folder above it, and that somebody
/// joins, which is a write to `cgroup.procs`. Both versions have that; `cgroup.events` is version 2's alone.
pub(crate) struct Changes(AsyncFd<OwnedFd>);

impl Changes {
    #[expect(
        deprecated,
        reason = "the other way is unsafe; this owns its descriptor and keeps it"
    )]
    pub(crate) fn new() -> Self {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        Self(AsyncFd::new(inotify::init(flags).unwrap()).unwrap())
    }

    /// Watches a folder, unless it is gone.
    pub(crate) fn watch(&self, folder: &Path) {
        let flags = inotify::WatchFlags::MODIFY | inotify::WatchFlags::DELETE;
        let _ = inotify::add_watch(self.0.get_ref(), folder, flags);
    }

    /// Waits for changes, and takes all that are there; answers whether there were any before the deadline.
    pub(crate) async fn come(&self, deadline: Instant) -> bool {
        let Ok(ready) = timeout_at(deadline, self.0.readable()).await else {
            return false;
        };
        let read = |changes: &AsyncFd<OwnedFd>| Ok(rustix::io::read(changes.get_ref(), &mut [0; 4096])?);
        let _ = ready.unwrap().try_io(read);
        true
    }
}

/// Answers whether a group stays to which nobody comes. One that a worker has just made is neither.
pub(crate) async fn is_abandoned(group: &Path) -> bool {
    let (changes, deadline) = (Changes::new(), Instant::now() + PATIENCE);
    changes.watch(group);
    changes.watch(group.parent().unwrap());
    while group.is_dir() && members(group).is_empty() {
        if !changes.come(deadline).await {
            return true;
        }
    }
    false
}
