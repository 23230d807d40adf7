//! What a function's address leads to: one revision, or several by weight.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::revision::Revision;

/// What a function's address leads to.
pub struct Target {
    shares: Vec<(u32, Arc<Revision>)>,
    total: u32,
    turn: AtomicU32,
}

impl Target {
    /// Leads everything to one revision.
    pub fn to(revision: Arc<Revision>) -> Arc<Self> {
        Self::split(vec![(NonZeroU32::MIN, revision)])
    }

    /// Leads to each revision its weight's share of requests. Weights are small: percents, say.
    pub fn split(shares: Vec<(NonZeroU32, Arc<Revision>)>) -> Arc<Self> {
        let shares: Vec<_> = shares
            .into_iter()
            .map(|(weight, revision)| (weight.get(), revision))
            .collect();
        let total = shares.iter().map(|(weight, _)| *weight).sum();
        Arc::new(Self {
            shares,
            total,
            turn: AtomicU32::new(0),
        })
    }

    /// Answers the revision for the next request, `None` when there is none.
    pub(crate) fn choose(&self) -> Option<&Arc<Revision>> {
        match self.shares.as_slice() {
            [] => None,
            [(_, only)] => Some(only),
            several => Some(at(several, self.next_point())),
        }
    }

    /// Answers a point below the total. Steps of the golden ratio spread any run of requests evenly, where a plain
    /// counter would send the first 95 of a hundred to one side and the last 5 to the other.
    fn next_point(&self) -> u32 {
        const GOLDEN: u32 = 0x9E37_79B9;
        let turn = self.turn.fetch_add(GOLDEN, Ordering::Relaxed);
        let point = (u64::from(turn) * u64::from(self.total)) >> 32;
        u32::try_from(point).unwrap_or(0)
    }
}

fn at(shares: &[(u32, Arc<Revision>)], point: u32) -> &Arc<Revision> {
    let mut left = point;
    for (weight, revision) in shares {
        if left < *weight {
            return revision;
        }
        left -= weight;
    }
    &shares[0].1
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(
                self.shares
                    .iter()
                    .map(|(weight, revision)| (weight, revision.id())),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use coracle_tasks::Tasks;

    use super::*;
    use crate::capacity::Capacity;
    use crate::id::{InstanceId, RevisionId};
    use crate::limits::Limits;
    use crate::upstream::DialError;

    struct Nobody;

    impl Capacity for Nobody {
        fn wanted(&self, _: &RevisionId) {}

        fn unreachable(&self, _: &RevisionId, _: &InstanceId, _: &DialError) {}
    }

    fn share(weight: u32, id: &str) -> (NonZeroU32, Arc<Revision>) {
        let revision = Revision::new(id.into(), Limits::default(), Arc::new(Nobody), &Tasks::new());
        (NonZeroU32::new(weight).unwrap(), revision)
    }

    #[test]
    fn each_revision_gets_its_share_of_any_run_of_requests() {
        let target = Target::split(vec![share(95, "old"), share(5, "new")]);
        let chosen: Vec<&str> = (0..1000)
            .map(|_| target.choose().unwrap().id().as_str())
            .collect();
        for run in chosen.windows(100) {
            let new = run.iter().filter(|id| **id == "new").count();
            assert!((3..=7).contains(&new), "{new} of 100");
        }
    }

    #[test]
    fn nothing_is_chosen_of_nothing() {
        assert!(Target::split(Vec::new()).choose().is_none());
    }
}
