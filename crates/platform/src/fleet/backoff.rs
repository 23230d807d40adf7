//! How long a revision that keeps failing is left alone.
//!
//! The first failure costs nothing: the next request tries again. From the second on each waits twice as long, and
//! meanwhile requests get the last failure at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::StartFailure;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// An instance that lived this long did not fail to start.
pub(super) const LONG_ENOUGH: Duration = Duration::from_secs(30);

/// The failures of a revision since its last success.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    last: Option<Arc<StartFailure>>,
    resume: Option<Instant>,
}

impl Backoff {
    /// Notes a failure.
    pub(super) fn failed(&mut self, failure: Arc<StartFailure>, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.last = Some(failure);
        self.resume = Some(now + self.pause());
    }

    /// Notes an instance that did well.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Answers the last failure, while it is too early to try again.
    pub(super) fn pausing(&self, now: Instant) -> Option<&Arc<StartFailure>> {
        self.resume.filter(|resume| *resume > now).and(self.last.as_ref())
    }

    fn pause(&self) -> Duration {
        match self.failures {
            0 | 1 => Duration::ZERO,
            failures => FIRST_PAUSE
                .saturating_mul(1 << (failures - 2).min(10))
                .min(LONGEST_PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::StartCause;

    #[test]
    fn the_first_failure_costs_nothing_and_each_further_one_twice_as_much_up_to_a_bound() {
        let mut backoff = Backoff::default();
        let failure = Arc::new(StartFailure {
            function: "hello".parse().unwrap(),
            revision: 1,
            cause: StartCause::Stopping,
            said: None,
        });
        let now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..10 {
            backoff.failed(Arc::clone(&failure), now);
            pauses.push(backoff.pause().as_secs());
        }
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(backoff.pausing(now).is_some());
        assert!(backoff.pausing(now + LONGEST_PAUSE).is_none());
        backoff.succeeded();
        assert!(backoff.pausing(now).is_none());
    }
}
