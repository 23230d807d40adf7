//! The process that clears away when the keeper is gone, however it went.
//!
//! The first process of each sandbox ends by itself when the keeper does; but a frozen one cannot, and control groups
//! outlive everything. The watchdog waits on a pipe that only the keeper holds open, and never does anything before.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use fs_err as fs;
use nix::sys::signal::SigSet;

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
    _keeper: OwnedFd,
}

/// Starts the watchdog over `groups` and the socket of `options`, which exists already.
pub(super) fn start(groups: &Groups, options: &Options) -> io::Result<Alive> {
    let (gone, both) = io::pipe()?;
    let (keeper_gone, keeper) = io::pipe()?;
    let socket = options.socket();
    let inode = fs::metadata(&socket)?.ino();
    fork(|| {
        close_all_except(&[both.as_raw_fd(), keeper_gone.as_raw_fd()]);
        watch(&keeper_gone, groups, (&socket, inode)).map_or(1, |()| 0)
    })?;
    Ok(Alive {
        gone: gone.into(),
        _both: both.into(),
        _keeper: keeper.into(),
    })
}

fn watch(keeper_gone: impl AsFd, groups: &Groups, socket: (&Path, u64)) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::thread::set_name(c"coracle-watch")?;
    // What ends the keeper must not end this.
    SigSet::all().thread_set_mask()?;
    while rustix::io::retry_on_intr(|| rustix::io::read(&keeper_gone, &mut [0_u8; 1]))? != 0 {}
    remove_socket(socket.0, socket.1);
    groups.remove()
}

/// Removes the socket unless a new keeper has put its own there; one that is left is replaced anyway.
fn remove_socket(path: &Path, inode: u64) {
    if fs::metadata(path).is_ok_and(|found| found.ino() == inode) {
        let _ = fs::remove_file(path);
    }
}
