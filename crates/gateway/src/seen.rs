//! A moment that one task notes and another one reads, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Duration, Instant};

/// When something last happened, to the millisecond.
pub(crate) struct LastSeen {
    made: Instant,
    millis: AtomicU64,
}

impl LastSeen {
    /// Starts with now.
    pub(crate) fn now() -> Self {
        Self {
            made: Instant::now(),
            millis: AtomicU64::new(0),
        }
    }

    /// Notes that it happens now.
    pub(crate) fn touch(&self) {
        let millis = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::Release);
    }

    /// Answers when it last happened.
    pub(crate) fn at(&self) -> Instant {
        self.made + Duration::from_millis(self.millis.load(Ordering::Acquire))
    }
}
