//! Clients that ask for builds at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Builder;
use super::template::Kind;
use crate::sample::{REST, Sample};

/// How often memory is looked at: summing up what processes share takes a millisecond or two.
const LOOK: Duration = Duration::from_millis(50);

/// What a builder did with a load.
pub(super) struct Load {
    /// How long each build took.
    pub(super) took: Sample,
    /// How long all of them took together.
    whole: Duration,
    /// How many builds there were.
    count: usize,
    /// What the builder takes of memory before, in bytes.
    pub(super) idle: u64,
    /// What it took at the most, in bytes.
    pub(super) peak: u64,
}

impl Load {
    /// Lets `clients` ask for `each` builds one after the other, all clients at once.
    pub(super) fn put(builder: &dyn Builder, kind: &Kind, (clients, each): (usize, usize)) -> Result<Self> {
        std::thread::sleep(REST);
        let idle = builder.memory();
        let (peak, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let since = Instant::now();
        let (took, whole) = std::thread::scope(|scope| {
            scope.spawn(|| watch(builder, &peak, &over));
            let took = ask(builder, kind, (clients, each));
            let whole = since.elapsed();
            over.store(true, Ordering::Relaxed);
            (took, whole)
        });
        Ok(Self {
            took: Sample::of(took?),
            whole,
            count: clients * each,
            idle,
            peak: peak.into_inner(),
        })
    }

    /// Answers how many builds there are in a minute.
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    pub(super) fn a_minute(&self) -> f64 {
        self.count as f64 * 60.0 / self.whole.as_secs_f64()
    }
}

fn ask(builder: &dyn Builder, kind: &Kind, (clients, each): (usize, usize)) -> Result<Vec<Duration>> {
    let took = Mutex::new(Vec::new());
    let work = |client| -> Result<()> {
        for _ in 0..each {
            let since = Instant::now();
            builder.build(kind, client)?;
            took.lock()
                .ok()
                .context("a client panicked")?
                .push(since.elapsed());
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..clients)
            .map(|client| scope.spawn(move || work(client)))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().ok().context("a client panicked")?)
    })?;
    took.into_inner().ok().context("a client panicked")
}

fn watch(builder: &dyn Builder, peak: &AtomicU64, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        peak.fetch_max(builder.memory(), Ordering::Relaxed);
        std::thread::sleep(LOOK);
    }
}
