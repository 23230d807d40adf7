//! Processes, held by a descriptor: one that has ended is not taken for another which got its id.

use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How long a process may take to end. Docker's server gives what it runs fifteen seconds.
const PATIENCE: Timespec = Timespec {
    tv_sec: 30,
    tv_nsec: 0,
};

pub(crate) struct Process(OwnedFd);

impl Process {
    /// Opens the process with this id, unless it has ended.
    pub(crate) fn open(id: Pid) -> Option<Self> {
        pidfd_open(id, PidfdFlags::empty()).ok().map(Self)
    }

    /// Asks it to end, and ends it if it does not; answers when it is gone.
    pub(crate) fn end(&self) {
        let _ = pidfd_send_signal(&self.0, Signal::TERM);
        if !self.is_soon_gone() {
            self.kill();
        }
    }

    /// Ends it; answers when it is gone.
    pub(crate) fn kill(&self) {
        let _ = pidfd_send_signal(&self.0, Signal::KILL);
        self.is_soon_gone();
    }

    fn is_soon_gone(&self) -> bool {
        poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&PATIENCE)).is_ok_and(|count| count > 0)
    }
}
