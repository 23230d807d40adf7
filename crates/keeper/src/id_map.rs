//! The users of a sandbox: its ids 0 to 65535 are ids of the host that nobody else has.
//!
//! Each sandbox gets a range of its own, so that even what escaped one could not touch another's processes or files;
//! since lower directories are mapped and never changed, that costs nothing. Only sandboxes whose upper directory
//! outlives them share one range, so that whoever reads the directory knows the shift.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use coracle_sandbox::{DISK_UPPER_ID_SHIFT, ID_COUNT};
use nix::sched::{CloneFlags, unshare};

use crate::process::{close_all_except, fork, kill};

/// How many ranges there are: up to the next range of the convention.
const SLOTS: u32 = 4_000;

/// The first of 65536 ids of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdBase(u32);

impl IdBase {
    /// The range of uppers on disk.
    pub(crate) const DISK: Self = Self(DISK_UPPER_ID_SHIFT);

    /// Answers the range of the `count`th sandbox: after some thousands, the first again.
    pub(crate) fn of_count(count: u32) -> Self {
        Self(DISK_UPPER_ID_SHIFT + ID_COUNT * (1 + count % SLOTS))
    }

    /// Answers the id of the host that stands for `id` inside.
    pub(crate) fn outer(self, id: u32) -> u32 {
        self.0 + id
    }

    /// Makes a user namespace with this mapping and nothing in it, to map mounts by.
    pub(crate) fn user_namespace(self) -> io::Result<OwnedFd> {
        self.unshared(CloneFlags::CLONE_NEWUSER, |pid| open_namespace(pid, "user"))
    }

    /// Makes a user namespace with this mapping and a network namespace that belongs to it, for a sandbox to come.
    pub(crate) fn namespaces(self) -> io::Result<Namespaces> {
        let kinds = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET;
        self.unshared(kinds, |pid| {
            Ok(Namespaces {
                user: open_namespace(pid, "user")?,
                network: open_namespace(pid, "net")?,
            })
        })
    }

    /// Makes namespaces in a child, which ends when `open` has opened them.
    fn unshared<T>(self, kinds: CloneFlags, open: impl FnOnce(i32) -> io::Result<T>) -> io::Result<T> {
        let (ready, told) = io::pipe()?;
        let child = fork(|| {
            let told = told.as_raw_fd();
            close_all_except(&[told]);
            let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
            let made = unshare(kinds).is_ok();
            // SAFETY: the descriptor was inherited and kept open.
            let told = unsafe { std::os::fd::BorrowedFd::borrow_raw(told) };
            let _ = rustix::io::write(told, &[u8::from(made)]);
            loop {
                nix::unistd::pause();
            }
        })?;
        drop(told);
        let pid = child.as_raw_nonzero().get();
        let opened = await_namespace(&ready)
            .and_then(|()| self.map(pid))
            .and_then(|()| open(pid));
        kill(child);
        let _ = rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty());
        opened
    }

    fn map(self, pid: i32) -> io::Result<()> {
        let map = format!("0 {} {ID_COUNT}", self.0);
        fs_err::write(format!("/proc/{pid}/uid_map"), &map)?;
        fs_err::write(format!("/proc/{pid}/gid_map"), &map)
    }
}

/// Namespaces that nothing is in yet.
#[derive(Debug)]
pub(crate) struct Namespaces {
    /// Maps ids.
    pub(crate) user: OwnedFd,
    /// Belongs to that.
    pub(crate) network: OwnedFd,
}

fn open_namespace(pid: i32, kind: &str) -> io::Result<OwnedFd> {
    Ok(fs_err::File::open(format!("/proc/{pid}/ns/{kind}"))?
        .into_file()
        .into())
}

fn await_namespace(ready: &io::PipeReader) -> io::Result<()> {
    let mut made = [0];
    match rustix::io::read(ready, &mut made)? {
        1 if made[0] == 1 => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the kernel makes no namespaces for users",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_overlap_and_stay_below_the_next_convention() {
        let first = IdBase::of_count(0);
        assert!(first.outer(0) > IdBase::DISK.outer(ID_COUNT - 1));
        assert_eq!(IdBase::of_count(1).outer(0), first.outer(ID_COUNT - 1) + 1);
        assert!(IdBase::of_count(SLOTS - 1).outer(ID_COUNT - 1) < 2_147_352_576);
        assert_eq!(IdBase::of_count(SLOTS), first);
    }
}
