//! What a build tells while it runs. The builder reports events; who watches decides how they look.
//!
//! It is here, and not with the builder, for those who watch a build that runs elsewhere.

use std::time::Duration;

use coracle_spec::Digest;

use crate::step::StepId;

/// Watches a build.
///
/// Called from several threads at once, in no order between steps; within a step the order is
/// `Started`, then any number of `Line` and `Transferred`, then `Finished` or `Failed`, or neither when the build was
/// given up meanwhile.
pub trait Observer: Send + Sync {
    /// Takes notice of one event. Must not block for long: the step waits.
    fn event(&self, event: Event<'_>);
}

/// Something that happened in a build.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The plan is made; this many steps follow.
    Planned {
        /// How many steps the plan has.
        steps: usize,
    },
    /// Something the author should know that fails nothing.
    Warning {
        /// One sentence.
        text: &'a str,
    },
    /// A step begins.
    Started {
        /// Which step.
        step: &'a StepId,
        /// The step in words.
        name: &'a str,
    },
    /// A step's program wrote a line.
    Line {
        /// Which step.
        step: &'a StepId,
        /// The line without its end.
        text: &'a str,
    },
    /// A step moved bytes.
    Transferred {
        /// Which step.
        step: &'a StepId,
        /// What is being moved, in words.
        what: &'a str,
        /// Bytes so far.
        done: u64,
        /// Bytes in all, zero when not known.
        total: u64,
    },
    /// A step is done.
    Finished {
        /// Which step.
        step: &'a StepId,
        /// Whether the result was there already.
        cached: bool,
        /// How long it took.
        duration: Duration,
    },
    /// A step failed; the build's error says why.
    Failed {
        /// Which step.
        step: &'a StepId,
        /// How long it took.
        duration: Duration,
    },
    /// The image is complete.
    Built {
        /// The manifest's digest.
        digest: &'a Digest,
    },
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: Event<'_>) {}
}
