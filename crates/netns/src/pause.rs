//! Pauses shorter than a millisecond, which is what tokio's clock counts in.

#![allow(
    unsafe_code,
    reason = "timers as descriptors have no safe form here; each use says why it is sound"
)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use tokio::io::unix::AsyncFd;

/// A timer of the kernel's (`timerfd_create(2)`).
pub(crate) struct Pause(AsyncFd<OwnedFd>);

impl Pause {
    /// Makes a timer that is not running.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: takes two numbers.
        let descriptor = Errno::result(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        // SAFETY: the kernel has just made it, for this caller.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        #[expect(
            deprecated,
            reason = "the other way is unsafe; this owns its descriptor and keeps it"
        )]
        AsyncFd::new(descriptor).map(Self)
    }

    /// Waits for `pause`, which is longer than nothing.
    pub(crate) async fn wait(&mut self, pause: Duration) -> io::Result<()> {
        let value = libc::timespec {
            tv_sec: libc::time_t::try_from(pause.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: pause.subsec_nanos().max(1).into(),
        };
        let once = libc::itimerspec {
            it_interval: libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: value,
        };
        // SAFETY: the descriptor is open, and the kernel reads `once` and keeps nothing of it.
        Errno::result(unsafe {
            libc::timerfd_settime(self.0.as_raw_fd(), 0, &raw const once, ptr::null_mut())
        })?;
        // Setting it again makes it unreadable, so nothing has to be read.
        self.0.readable().await?.clear_ready();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_timer_can_be_used_again_and_also_when_nobody_waited_for_its_end() {
        let mut pause = Pause::new().unwrap();
        for _ in 0..3 {
            pause.wait(Duration::from_nanos(1)).await.unwrap();
            let given_up = tokio::time::timeout(Duration::ZERO, pause.wait(Duration::from_hours(1))).await;
            assert!(given_up.is_err());
        }
    }
}
