//! Repeated measurements and what is said of them.

use std::time::{Duration, Instant};

use anyhow::Result;

/// How long the machine rests before a measurement: a busy loop would measure warm caches and a busy kernel, which
/// sporadic starts never meet.
pub(crate) const REST: Duration = Duration::from_millis(300);

/// Sorted times.
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    /// Measures `act` `count` times, each after a rest, and once before without counting. `act` answers what it took.
    pub(crate) fn take(count: usize, mut act: impl FnMut() -> Result<Duration>) -> Result<Self> {
        let mut times = Vec::with_capacity(count);
        for round in 0..=count {
            std::thread::sleep(REST);
            let took = act()?;
            if round > 0 {
                times.push(took);
            }
        }
        times.sort();
        Ok(Self(times))
    }

    /// Measures two sides that take turns, as [`Sample::take`] does: what drifts in the meantime, such as how fast a package
    /// registry answers, meets both.
    pub(crate) fn pair(
        count: usize,
        mut ours: impl FnMut() -> Result<Duration>,
        mut theirs: impl FnMut() -> Result<Duration>,
    ) -> Result<[Self; 2]> {
        let mut times = [Vec::with_capacity(count), Vec::with_capacity(count)];
        for round in 0..=count {
            std::thread::sleep(REST);
            let ours = ours()?;
            std::thread::sleep(REST);
            let theirs = theirs()?;
            if round > 0 {
                times[0].push(ours);
                times[1].push(theirs);
            }
        }
        Ok(times.map(Self::of))
    }

    /// Makes one of times that were measured elsewhere.
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    /// Answers the median.
    pub(crate) fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    /// Answers the median in milliseconds.
    pub(crate) fn millis(&self) -> f64 {
        millis(self.median())
    }

    /// Answers the longest.
    pub(crate) fn most(&self) -> Duration {
        self.0[self.0.len() - 1]
    }

    /// Prints a row: the median with the extremes, and the ratio to `peer`.
    pub(crate) fn print(&self, name: &str, peer: &Self) {
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        println!(
            "| {name} | {:.1} | {:.1} … {:.1} | {:.2} |",
            millis(self.median()),
            millis(least),
            millis(most),
            self.median().as_secs_f64() / peer.median().as_secs_f64(),
        );
    }
}

/// Answers a time in milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Prints the head of a table.
pub(crate) fn head(title: &str, ratio: &str) {
    println!("## {title}\n\n| | median, ms | range, ms | ratio to {ratio} |\n|---|---|---|---|");
}

/// Answers how long `act` takes.
pub(crate) fn timed(act: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let since = Instant::now();
    act()?;
    Ok(since.elapsed())
}
