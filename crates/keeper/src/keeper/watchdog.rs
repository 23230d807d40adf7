//! The process that clears away when the keeper is gone, however it went.
//!
//! The first process of each sandbox ends by itself when the keeper does; but a frozen one cannot, and control groups
//! outlive everything. The watchdog waits on a pipe that only the keeper holds open, and never does anything before.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use coracle_netns::Egress;
use fs_err as fs;
use nix::sys::signal::SigSet;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, pidfd_open};

use crate::cgroup::Groups;
use crate::options::Options;
use crate::process::{close_all_except, fork};

/// What tells others that the keeper lives.
#[derive(Debug)]
pub(crate) struct Alive {
    /// Reaches its end when the keeper and its watchdog are gone: for clients.
    pub(crate) gone: OwnedFd,
    /// Held by the keeper and its watchdog.
    _both: OwnedFd,
    /// Held by the keeper alone.
    keeper: PipeWriter,
}

/// How long the kernel may take to remove the link of a namespace that is gone.
const LINK_DEADLINE: Duration = Duration::from_secs(3);
/// How often to look: the watchdog has nothing else to do.
const LINK_PAUSE: Duration = Duration::from_millis(10);

impl Alive {
    /// Names the link of the host that goes with the keeper.
    pub(super) fn tell_link(&self, link: &str) -> io::Result<()> {
        (&self.keeper).write_all(link.as_bytes())
    }
}

/// Starts the watchdog over `groups` and the socket of `options`, which exists already.
pub(super) fn start(groups: &Groups, options: &Options) -> io::Result<Alive> {
    let (gone, both) = io::pipe()?;
    let (keeper_gone, keeper) = io::pipe()?;
    let socket = options.socket();
    let inode = fs::metadata(&socket)?.ino();
    let parent = pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    fork(|| {
        close_all_except(&[parent.as_raw_fd(), both.as_raw_fd(), keeper_gone.as_raw_fd()]);
        let keeper = keeper_gone.try_clone();
        keeper
            .and_then(|keeper| watch((keeper, &parent), groups, (&socket, inode)))
            .map_or(1, |()| 0)
    })?;
    Ok(Alive {
        gone: gone.into(),
        _both: both.into(),
        keeper,
    })
}

fn watch(
    (mut keeper, parent): (PipeReader, &OwnedFd),
    groups: &Groups,
    socket: (&Path, u64),
) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::thread::set_name(c"coracle-watch")?;
    // What ends the keeper must not end this.
    SigSet::all().thread_set_mask()?;
    let mut link = String::new();
    keeper.read_to_string(&mut link)?;
    // Its pipes close before its workers are told to end.
    await_process(parent)?;
    remove_socket(socket.0, socket.1);
    groups.remove()?;
    await_link_gone(&link);
    Egress::sweep().map_err(io::Error::other)
}

fn await_process(process: &OwnedFd) -> io::Result<()> {
    let mut polled = [PollFd::new(process, PollFlags::IN)];
    rustix::io::retry_on_intr(|| poll(&mut polled, None))?;
    Ok(())
}

/// The link between host and router goes with the router, and the rules that accept it are needed until then.
fn await_link_gone(link: &str) {
    let start = Instant::now();
    let path = Path::new("/sys/class/net").join(link);
    while !link.is_empty() && path.exists() && start.elapsed() < LINK_DEADLINE {
        std::thread::sleep(LINK_PAUSE);
    }
}

/// Removes the socket unless a new keeper has put its own there; one that is left is replaced anyway.
fn remove_socket(path: &Path, inode: u64) {
    if fs::metadata(path).is_ok_and(|found| found.ino() == inode) {
        let _ = fs::remove_file(path);
    }
}
