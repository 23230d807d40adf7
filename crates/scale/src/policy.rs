//! What the author asked for.

use std::num::NonZeroU32;
use std::time::Duration;

/// How many instances a revision may have, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The fewest instances.
    pub min: u32,
    /// The most instances. Less than `min`, or none, is taken as `min`, or one.
    pub max: u32,
    /// Requests that one instance serves at once.
    pub concurrency: NonZeroU32,
    /// Idle time after which an instance ends.
    pub idle: Duration,
    /// Idle time after which an instance is frozen; `None`: never.
    pub freeze: Option<Duration>,
    /// How long requests wait for a place before another instance is started beside those there are: what the first
    /// one is done with in no time needs no second.
    pub patience: Duration,
}

impl Policy {
    /// How long requests wait before another instance is started beside those there are, unless said otherwise.
    pub const PATIENCE: Duration = Duration::from_millis(100);

    /// Answers the most instances that there may be.
    pub(crate) fn ceiling(&self) -> u32 {
        self.max.max(self.min).max(1)
    }
}

impl From<&coracle_spec::revision::Scale> for Policy {
    fn from(scale: &coracle_spec::revision::Scale) -> Self {
        Self {
            min: scale.min,
            max: scale.max,
            concurrency: NonZeroU32::new(scale.concurrency).unwrap_or(NonZeroU32::MIN),
            idle: scale.idle.duration(),
            freeze: scale.freeze.map(coracle_spec::Span::duration),
            patience: Self::PATIENCE,
        }
    }
}
