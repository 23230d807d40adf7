//! What became of a request's body, shared between the connection that sends it and the exchange that waits.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use tokio::time::Instant;

use crate::seen::LastSeen;

/// What became of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fate {
    /// Nobody has read from it: the request can go elsewhere.
    Untouched,
    /// It is being read.
    Flowing,
    /// It was read to its end.
    Finished,
    /// It was longer than the revision takes.
    TooLarge,
    /// The client sent nothing for too long.
    Stalled,
    /// The client went away in the middle of it.
    Broken,
}

const FATES: [Fate; 6] = [
    Fate::Untouched,
    Fate::Flowing,
    Fate::Finished,
    Fate::TooLarge,
    Fate::Stalled,
    Fate::Broken,
];

/// The progress of a request's body.
pub(crate) struct Upload {
    fate: AtomicU8,
    passed: AtomicU64,
    moved: LastSeen,
    /// Whoever reads waits for the client.
    starved: AtomicBool,
}

impl Default for Upload {
    fn default() -> Self {
        Self {
            fate: AtomicU8::new(Fate::Untouched as u8),
            passed: AtomicU64::new(0),
            moved: LastSeen::now(),
            starved: AtomicBool::new(false),
        }
    }
}

impl Upload {
    /// Notes that somebody reads.
    pub(crate) fn begin(&self) {
        let (untouched, flowing) = (Fate::Untouched as u8, Fate::Flowing as u8);
        let _ = self
            .fate
            .compare_exchange(untouched, flowing, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Notes that `length` bytes were taken.
    pub(crate) fn passed(&self, length: u64) {
        self.passed.fetch_add(length, Ordering::Relaxed);
        self.starved.store(false, Ordering::Relaxed);
        self.moved.touch();
    }

    /// Notes that the client lets the reader wait.
    pub(crate) fn starve(&self) {
        self.starved.store(true, Ordering::Relaxed);
    }

    /// Answers whether the client lets the reader wait, so that the wait is not the function's.
    pub(crate) fn is_starved(&self) -> bool {
        self.starved.load(Ordering::Relaxed) && self.fate() == Fate::Flowing
    }

    /// Notes how it ended.
    pub(crate) fn end(&self, fate: Fate) {
        self.moved.touch();
        self.fate.store(fate as u8, Ordering::Release);
    }

    /// Answers what became of it.
    pub(crate) fn fate(&self) -> Fate {
        FATES[usize::from(self.fate.load(Ordering::Acquire))]
    }

    /// Answers the bytes taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Answers when it last moved.
    pub(crate) fn last_progress(&self) -> Instant {
        self.moved.at()
    }
}
