//! The decision.

use std::cmp::Reverse;
use std::time::Instant;

use crate::policy::Policy;

/// What is seen of a revision at one moment. `I` names an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed<I> {
    /// Its instances that serve or could serve at once.
    pub instances: Vec<InstanceSeen<I>>,
    /// Starts under way.
    pub starting: u32,
    /// Requests that wait for a place.
    pub waiting: u32,
    /// Since when the one that waits longest does so, `None` when none waits.
    pub waiting_since: Option<Instant>,
}

/// What is seen of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSeen<I> {
    /// Which one.
    pub id: I,
    /// Whether it runs.
    pub standing: Standing,
    /// Requests in flight.
    pub in_flight: u32,
    /// When that last changed to or from nothing.
    pub since: Instant,
}

/// Whether an instance runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It takes requests.
    Ready,
    /// It could after a moment.
    Frozen,
}

/// What should be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired<I> {
    /// Wake these.
    pub thaw: Vec<I>,
    /// Start as many more.
    pub start: u32,
    /// End these, if they still have nothing in flight.
    pub end: Vec<I>,
    /// Freeze these, if they still have nothing in flight.
    pub freeze: Vec<I>,
}

/// Answers what should be done about a revision at `now`.
///
/// From nothing, one instance is started however many wait; the next ones only when requests still wait `patience`
/// later. What is idle for long ends, longest first, down to what is needed and the policy's minimum; what is more than
/// its maximum ends as soon as it is idle.
pub fn decide<I: Clone>(policy: &Policy, observed: &Observed<I>, now: Instant) -> Desired<I> {
    let view = View {
        policy,
        observed,
        now,
    };
    let thaw = view.thaw();
    let end = view.end(&thaw);
    let freeze = view.freeze(&end);
    let id = |index: &usize| observed.instances[*index].id.clone();
    Desired {
        start: view.start(),
        thaw: thaw.iter().map(id).collect(),
        end: end.iter().map(id).collect(),
        freeze: freeze.iter().map(id).collect(),
    }
}

struct View<'a, I> {
    policy: &'a Policy,
    observed: &'a Observed<I>,
    now: Instant,
}

impl<I> View<'_, I> {
    /// Answers the instances that the requests there are would fill, within bounds.
    fn needed(&self) -> u32 {
        let in_flight: u32 = self
            .observed
            .instances
            .iter()
            .map(|instance| instance.in_flight)
            .sum();
        let busy = in_flight
            .saturating_add(self.pressing())
            .div_ceil(self.policy.concurrency.get());
        let first = u32::from(self.observed.waiting > 0);
        busy.max(first)
            .clamp(self.policy.min.min(self.policy.ceiling()), self.policy.ceiling())
    }

    /// Answers the waiting requests that speak for more instances than there are.
    fn pressing(&self) -> u32 {
        let waited = self
            .observed
            .waiting_since
            .map(|since| self.now.saturating_duration_since(since));
        let long = waited.is_some_and(|waited| waited >= self.policy.patience);
        if long && self.count(Standing::Ready) > 0 {
            self.observed.waiting
        } else {
            0
        }
    }

    fn count(&self, standing: Standing) -> u32 {
        let counted = self
            .observed
            .instances
            .iter()
            .filter(|instance| instance.standing == standing)
            .count();
        u32::try_from(counted).unwrap_or(u32::MAX)
    }

    fn present(&self) -> u32 {
        self.count(Standing::Ready)
            .saturating_add(self.count(Standing::Frozen))
    }

    fn start(&self) -> u32 {
        self.needed()
            .saturating_sub(self.present().saturating_add(self.observed.starting))
    }

    /// Wakes what requests need, and no more.
    fn thaw(&self) -> Vec<usize> {
        if self.observed.waiting == 0 {
            return Vec::new();
        }
        let missing = self.needed().saturating_sub(self.count(Standing::Ready));
        let frozen = self.by_idleness(|instance| instance.standing == Standing::Frozen);
        frozen.into_iter().rev().take(missing as usize).collect()
    }

    fn end(&self, thawed: &[usize]) -> Vec<usize> {
        let spare = self.present().saturating_sub(self.needed()) as usize;
        let surplus = self.present().saturating_sub(self.policy.ceiling()) as usize;
        let idle = self.by_idleness(|instance| instance.in_flight == 0);
        idle.into_iter()
            .filter(|index| !thawed.contains(index))
            .take(spare)
            .enumerate()
            .filter(|(rank, index)| *rank < surplus || self.is_old(*index))
            .map(|(_, index)| index)
            .collect()
    }

    fn is_old(&self, index: usize) -> bool {
        self.idle_for(&self.observed.instances[index], self.policy.idle)
    }

    fn freeze(&self, ended: &[usize]) -> Vec<usize> {
        let Some(freeze) = self.policy.freeze.filter(|_| self.observed.waiting == 0) else {
            return Vec::new();
        };
        let quiet = |instance: &InstanceSeen<I>| {
            instance.standing == Standing::Ready && self.idle_for(instance, freeze)
        };
        self.by_idleness(quiet)
            .into_iter()
            .filter(|index| !ended.contains(index))
            .collect()
    }

    fn idle_for(&self, instance: &InstanceSeen<I>, long: std::time::Duration) -> bool {
        instance.in_flight == 0 && self.now.saturating_duration_since(instance.since) >= long
    }

    /// Answers the instances that match, longest idle first.
    fn by_idleness(&self, matches: impl Fn(&InstanceSeen<I>) -> bool) -> Vec<usize> {
        let instances = &self.observed.instances;
        let mut indices: Vec<usize> = (0..instances.len())
            .filter(|index| matches(&instances[*index]))
            .collect();
        indices.sort_by_key(|index| Reverse(self.now.saturating_duration_since(instances[*index].since)));
        indices
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    fn policy(min: u32, max: u32) -> Policy {
        Policy {
            min,
            max,
            concurrency: NonZeroU32::new(2).unwrap(),
            idle: Duration::from_mins(5),
            freeze: Some(Duration::from_secs(10)),
            patience: Policy::PATIENCE,
        }
    }

    /// Reads `r2:5 f0:20` as a ready instance with 2 in flight for 5 s and a frozen one idle for 20 s.
    fn seen(text: &str, now: Instant) -> Vec<InstanceSeen<usize>> {
        let read = |(id, word): (usize, &str)| {
            let (count, seconds) = word[1..].split_once(':').unwrap();
            InstanceSeen {
                id,
                standing: if word.starts_with('r') {
                    Standing::Ready
                } else {
                    Standing::Frozen
                },
                in_flight: count.parse().unwrap(),
                since: now
                    .checked_sub(Duration::from_secs(seconds.parse().unwrap()))
                    .unwrap(),
            }
        };
        text.split_whitespace().enumerate().map(read).collect()
    }

    fn decided(bounds: (u32, u32), instances: &str, starting: u32, waiting: (u32, u64)) -> String {
        let now = Instant::now() + Duration::from_hours(1);
        let observed = Observed {
            instances: seen(instances, now),
            starting,
            waiting: waiting.0,
            waiting_since: (waiting.0 > 0)
                .then(|| now.checked_sub(Duration::from_millis(waiting.1)).unwrap()),
        };
        let desired = decide(&policy(bounds.0, bounds.1), &observed, now);
        format!(
            "+{} thaw{:?} end{:?} freeze{:?}",
            desired.start, desired.thaw, desired.end, desired.freeze
        )
    }

    #[test]
    fn the_decision_follows_the_table() {
        for (bounds, instances, starting, waiting, expected) in [
            // From nothing: one, however many wait and however long.
            ((0, 10), "", 0, (0, 0), "+0 thaw[] end[] freeze[]"),
            ((0, 10), "", 0, (50, 0), "+1 thaw[] end[] freeze[]"),
            ((0, 10), "", 1, (50, 5000), "+0 thaw[] end[] freeze[]"),
            ((0, 0), "", 0, (1, 0), "+1 thaw[] end[] freeze[]"),
            // Beside others: when requests have waited for a while, as many as they fill.
            ((0, 10), "r2:1", 0, (4, 10), "+0 thaw[] end[] freeze[]"),
            ((0, 10), "r2:1", 0, (4, 100), "+2 thaw[] end[] freeze[]"),
            ((0, 10), "r2:1", 1, (4, 100), "+1 thaw[] end[] freeze[]"),
            ((0, 2), "r2:1", 0, (40, 100), "+1 thaw[] end[] freeze[]"),
            // The minimum is kept, even above the maximum.
            ((2, 10), "", 0, (0, 0), "+2 thaw[] end[] freeze[]"),
            ((2, 1), "", 1, (0, 0), "+1 thaw[] end[] freeze[]"),
            ((1, 10), "r0:900", 0, (0, 0), "+0 thaw[] end[] freeze[0]"),
            // What is idle for long ends, longest first; what is idle for less is frozen.
            ((0, 10), "r0:299", 0, (0, 0), "+0 thaw[] end[] freeze[0]"),
            ((0, 10), "r0:9", 0, (0, 0), "+0 thaw[] end[] freeze[]"),
            (
                (0, 10),
                "r1:900 r0:300 f0:400",
                0,
                (0, 0),
                "+0 thaw[] end[2, 1] freeze[]",
            ),
            ((1, 10), "r0:300 f0:400", 0, (0, 0), "+0 thaw[] end[1] freeze[0]"),
            ((0, 10), "r0:300 r4:1", 0, (0, 0), "+0 thaw[] end[] freeze[0]"),
            // What is more than the maximum ends as soon as it has nothing to do.
            (
                (0, 1),
                "r0:1 r0:2 r1:9",
                0,
                (0, 0),
                "+0 thaw[] end[1, 0] freeze[]",
            ),
            ((0, 1), "r0:1 r0:2", 0, (0, 0), "+0 thaw[] end[1] freeze[]"),
            ((0, 1), "r1:1 r1:2", 0, (0, 0), "+0 thaw[] end[] freeze[]"),
            // Waking comes before starting, the latest frozen first.
            ((0, 10), "f0:20 f0:900", 0, (50, 0), "+0 thaw[0] end[1] freeze[]"),
            ((0, 10), "r2:1 f0:20", 0, (4, 100), "+1 thaw[1] end[] freeze[]"),
        ] {
            assert_eq!(
                decided(bounds, instances, starting, waiting),
                expected,
                "{bounds:?} [{instances}] starting {starting}, waiting {waiting:?}"
            );
        }
    }
}
