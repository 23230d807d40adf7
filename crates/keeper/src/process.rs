//! Child processes by `fork` alone: workers, janitors, the watchdog and the program of a sandbox.
//!
//! `std::process::Command` always executes a program, and these run code of this one. It is sound only because the
//! keeper has a single thread: no other thread can hold a lock at the moment of the fork.

use std::io;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::unistd::ForkResult;
use rustix::process::{Pid, Signal};

/// Runs `body` in a child; the child exits with the code that `body` answers.
pub(crate) fn fork(body: impl FnOnce() -> i32) -> io::Result<Pid> {
    // SAFETY: the process has one thread, so the child's copy of every lock is in a state that this thread knows.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => {
            Pid::from_raw(child.as_raw()).ok_or_else(|| io::Error::other("fork gave no process"))
        }
        ForkResult::Child => {
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(101);
            exit_now(code)
        }
    }
}

/// Ends this process without running what the parent registered for its own end.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` takes any code and touches no memory.
    unsafe { libc::_exit(code) }
}

/// Has the kernel kill this process when its parent ends; answers `false` when the parent has ended already.
pub(crate) fn die_with_parent(parent: Pid) -> bool {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_ok()
        && rustix::process::getppid() == Some(parent)
}

/// Closes every descriptor above the standard ones except `keep`.
///
/// Called in a child right after the fork: the values that own the descriptors belong to the parent's program, are
/// never used again here, and are never dropped, since the child leaves by [`exit_now`] or by executing another program.
pub(crate) fn close_all_except(keep: &[RawFd]) {
    let mut kept: Vec<u32> = keep
        .iter()
        .filter_map(|fd| u32::try_from(*fd).ok())
        .filter(|fd| *fd > 2)
        .collect();
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept {
        close_range(first, fd - 1);
        first = fd + 1;
    }
    close_range(first, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    if first <= last {
        // SAFETY: see `close_all_except`: nothing in this process uses these descriptors any more.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    }
}

/// Ends `pid`, a child that was not waited for, so that the number is still its own.
pub(crate) fn kill(pid: Pid) {
    // One that has ended already needs no killing.
    let _ = rustix::process::kill_process(pid, Signal::KILL);
}
