//! Signals as a descriptor, and what has become of children.

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use rustix::process::Pid;

use coracle_sandbox::Exit;

/// Turns the signals that the keeper heeds into a descriptor.
pub(super) fn open() -> io::Result<SignalFd> {
    let mut heeded = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        heeded.add(signal);
    }
    heeded.thread_block()?;
    Ok(SignalFd::with_flags(
        &heeded,
        SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
    )?)
}

/// Takes the signals that have come; answers whether one asks for the end.
pub(super) fn asks_for_the_end(signals: &SignalFd) -> io::Result<bool> {
    let mut end = false;
    while let Some(signal) = signals.read_signal()? {
        let number = i32::try_from(signal.ssi_signo).unwrap_or_default();
        end |= number == Signal::SIGTERM as i32 || number == Signal::SIGINT as i32;
    }
    Ok(end)
}

/// Answers a child that has ended, and how; takes orphans along.
pub(super) fn next_ended() -> Option<(Pid, Exit)> {
    loop {
        let (pid, exit) = match waitpid(None, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, Exit::Code(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Exit::Signal(signal as i32)),
            Err(Errno::EINTR) => continue,
            Ok(_) | Err(_) => return None,
        };
        if let Some(pid) = Pid::from_raw(pid.as_raw()) {
            return Some((pid, exit));
        }
    }
}
