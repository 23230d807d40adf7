//! Deadlines for things that are polled, made so that what never waits never pays for a timer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Duration, Instant, Sleep, sleep_until};

/// Watches that something is not silent for too long while it is listened to, and not after a last moment.
pub(crate) struct Silence {
    longest: Duration,
    since: Option<Instant>,
    end: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    /// Allows silences of up to `longest`.
    pub(crate) fn new(longest: Duration) -> Self {
        Self {
            longest,
            since: None,
            end: None,
            timer: None,
        }
    }

    /// Ends whatever is heard at `end` too.
    pub(crate) fn until(mut self, end: Instant) -> Self {
        self.end = Some(end);
        self
    }

    /// Notes a sound.
    pub(crate) fn heard(&mut self) {
        self.since = None;
    }

    /// Is called when there is nothing to be heard: answers once that has lasted too long, and wakes then.
    ///
    /// The timer is armed on the first silence and moved only when it fires, so that a busy stream does not touch
    /// the runtime's timers for each frame. Deadlines only ever move later, so it never fires too late.
    pub(crate) fn poll_broken(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let silent = *self.since.get_or_insert_with(Instant::now) + self.longest;
        let deadline = self.end.map_or(silent, |end| silent.min(end));
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}
