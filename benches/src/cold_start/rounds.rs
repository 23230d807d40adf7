//! Contenders that take turns, and what is said of them.

use std::time::Duration;

use anyhow::Result;

/// How long the machine rests before each: a busy loop would measure warm caches and a busy kernel, which sporadic starts
/// never meet.
const REST: Duration = Duration::from_millis(300);

/// A name, and what is measured: it answers how long it took.
pub(super) type Contender<'a> = (&'static str, Box<dyn FnMut() -> Result<Duration> + 'a>);

/// Times in milliseconds, by contender and round. The first contender is what the others are compared with.
pub(super) struct Rounds(Vec<(&'static str, Vec<f64>)>);

impl Rounds {
    /// Lets each contender run once a round, for `count` rounds and one before that is not counted.
    pub(super) fn take(count: usize, contenders: &mut [Contender<'_>]) -> Result<Self> {
        let mut times: Vec<(&'static str, Vec<f64>)> = contenders
            .iter()
            .map(|(name, _)| (*name, Vec::with_capacity(count)))
            .collect();
        for round in 0..=count {
            for ((_, run), (_, times)) in contenders.iter_mut().zip(&mut times) {
                std::thread::sleep(REST);
                let took = run()?;
                if round > 0 {
                    times.push(took.as_secs_f64() * 1000.0);
                }
            }
        }
        Ok(Self(times))
    }

    /// Prints a table: medians, 99th percentiles, the medians of what each took longer than the first in the same round,
    /// and ratios of medians to that of `peer`.
    pub(super) fn print(&self, title: &str, peer: &str) {
        let floor = &self.0[0];
        let peers = self.0.iter().find(|(name, _)| *name == peer);
        let peers = median(peers.map_or(&floor.1, |(_, times)| times));
        println!("## {title}\n");
        println!(
            "| | median, ms | p99, ms | longer than {}, ms | ratio to {peer} |",
            floor.0
        );
        println!("|---|---|---|---|---|");
        for (name, times) in &self.0 {
            let longer: Vec<f64> = times
                .iter()
                .zip(&floor.1)
                .map(|(one, other)| one - other)
                .collect();
            println!(
                "| {name} | {:.1} | {:.1} | {:+.1} | {:.2} |",
                median(times),
                quantile(times, 99),
                median(&longer),
                median(times) / peers,
            );
        }
        println!();
    }
}

fn median(times: &[f64]) -> f64 {
    quantile(times, 50)
}

/// Answers the time that `percent` of all do not exceed.
fn quantile(times: &[f64], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let times: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(
            [50, 99, 100].map(|percent| quantile(&times, percent).to_bits()),
            [50.0, 99.0, 100.0].map(f64::to_bits)
        );
        assert_eq!(median(&[3.0]).to_bits(), 3.0_f64.to_bits());
        assert!(quantile(&[], 50).is_nan());
    }
}
