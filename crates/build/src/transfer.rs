//! Passes what downloads and assembly tell on to who watches the build.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coracle_debian::Phase;
use coracle_plan::StepId;
use tokio_util::sync::CancellationToken;

use crate::progress::{Event, Observer};

/// The progress of one step.
pub(crate) struct StepProgress {
    step: StepId,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
    /// Bytes done and bytes in all, a phase each.
    phases: [(AtomicU64, AtomicU64); 4],
}

impl StepProgress {
    pub(crate) fn new(step: &StepId, observer: Arc<dyn Observer>, cancel: CancellationToken) -> Self {
        Self {
            step: step.clone(),
            observer,
            cancel,
            phases: Default::default(),
        }
    }

    fn tell(&self, phase: Phase) {
        let (done, total) = &self.phases[place(phase)];
        self.observer.event(Event::Transferred {
            step: &self.step,
            what: words(phase),
            done: done.load(Ordering::Relaxed),
            total: total.load(Ordering::Relaxed),
        });
    }
}

impl coracle_debian::Progress for StepProgress {
    fn started(&self, phase: Phase, total: u64) {
        self.phases[place(phase)].1.fetch_add(total, Ordering::Relaxed);
        self.tell(phase);
    }

    fn advanced(&self, phase: Phase, bytes: u64) {
        self.phases[place(phase)].0.fetch_add(bytes, Ordering::Relaxed);
        self.tell(phase);
    }

    fn missed(&self, package: &str, effect: &'static str) {
        let text =
            format!("the Debian package `{package}` {effect} when it is installed, which is not done here");
        self.observer.event(Event::Warning { text: &text });
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl coracle_fetch::Progress for StepProgress {
    fn advanced(&self, bytes: u64) {
        coracle_debian::Progress::advanced(self, Phase::Download, bytes);
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

fn place(phase: Phase) -> usize {
    match phase {
        Phase::Index => 0,
        Phase::Download => 1,
        Phase::Unpack => 2,
        Phase::Layer => 3,
    }
}

fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Index => "reading the lists of packages",
        Phase::Download => "downloading",
        Phase::Unpack => "unpacking",
        Phase::Layer => "writing the layer",
    }
}
