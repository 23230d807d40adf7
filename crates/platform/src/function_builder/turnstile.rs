//! How many builds run at once, and who is next.
//!
//! A place is free or it is not; with a queue, whoever comes later waits. Of those who wait, the tenant with the fewest
//! running builds is next, then the one that was served longest ago: one who sends a hundred bodies does not keep
//! another with one waiting. One queue in the order of arrival lost for that reason.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coracle_spec::{Class, Failure};
use tokio::sync::oneshot;

use super::tenant::Tenant;

/// How many builds there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many run; none: as many as come.
    pub running: Option<NonZeroUsize>,
    /// How many wait for those.
    pub waiting: usize,
}

/// Lets builds in. Cheap to clone.
#[derive(Clone)]
pub(super) struct Turnstile {
    shared: Arc<Shared>,
}

struct Shared {
    bounds: Bounds,
    /// How many of one tenant may wait.
    waiting_of_one: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: usize,
    /// Counts who was let in.
    turn: u64,
    lines: BTreeMap<Tenant, Line>,
}

/// The builds of one tenant.
#[derive(Default)]
struct Line {
    running: usize,
    served: u64,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// A place among the builds that run, given back when dropped.
pub(super) struct Place {
    shared: Arc<Shared>,
    tenant: Tenant,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({})", self.tenant)
    }
}

/// A place, or the promise of one. Dropping it leaves the queue.
#[derive(Debug)]
pub(super) enum Turn {
    Now(Place),
    Later(oneshot::Receiver<Place>),
}

/// As many builds run and wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Concurrent request limit exceeded. Max concurrent requests: {limit}")]
pub struct Full {
    /// How many builds may run at once.
    pub limit: usize,
}

impl Failure for Full {
    fn class(&self) -> Class {
        Class::Busy
    }
}

impl Turnstile {
    /// Makes one for as many tenants.
    pub(super) fn new(bounds: Bounds, tenants: usize) -> Self {
        // With others about, nobody gets the whole queue.
        let waiting_of_one = match tenants {
            0 | 1 => bounds.waiting,
            _ => bounds.waiting.div_ceil(2),
        };
        let shared = Shared {
            bounds,
            waiting_of_one,
            state: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Lets a build of `tenant` in, or to the queue's end.
    pub(super) fn enter(&self, tenant: &Tenant) -> Result<Turn, Full> {
        let mut state = self.shared.lock();
        if self.shared.has_room(&state) {
            state.let_in(tenant);
            return Ok(Turn::Now(self.place(tenant)));
        }
        let (hand, turn) = oneshot::channel();
        state.forget_leavers();
        let line = state.lines.entry(tenant.clone()).or_default();
        if line.waiting.len() >= self.shared.waiting_of_one {
            return Err(self.full());
        }
        line.waiting.push_back(hand);
        state.waiting += 1;
        if state.waiting > self.shared.bounds.waiting {
            state.waiting -= 1;
            state.lines.get_mut(tenant).map(|line| line.waiting.pop_back());
            return Err(self.full());
        }
        Ok(Turn::Later(turn))
    }

    /// Answers how many builds run.
    pub(super) fn running(&self) -> usize {
        self.shared.lock().running
    }

    /// Answers how many builds wait.
    pub(super) fn waiting(&self) -> usize {
        let mut state = self.shared.lock();
        state.forget_leavers();
        state.waiting
    }

    /// Answers why the next build would not be let in at once, if it would not.
    pub(super) fn busy(&self) -> Option<Full> {
        let has_room = self.shared.has_room(&self.shared.lock());
        (!has_room).then(|| self.full())
    }

    fn full(&self) -> Full {
        Full {
            limit: self.shared.bounds.running.map_or(0, NonZeroUsize::get),
        }
    }

    fn place(&self, tenant: &Tenant) -> Place {
        Place {
            shared: Arc::clone(&self.shared),
            tenant: tenant.clone(),
        }
    }
}

impl Turn {
    /// Waits for the place; none comes when the turnstile is gone.
    pub(super) async fn place(self) -> Option<Place> {
        match self {
            Self::Now(place) => Some(place),
            Self::Later(turn) => turn.await.ok(),
        }
    }
}

impl Shared {
    fn has_room(&self, state: &State) -> bool {
        self.bounds.running.is_none_or(|most| state.running < most.get())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn let_in(&mut self, tenant: &Tenant) {
        self.running += 1;
        self.turn += 1;
        let turn = self.turn;
        let line = self.lines.entry(tenant.clone()).or_default();
        line.running += 1;
        line.served = turn;
    }

    fn let_out(&mut self, tenant: &Tenant) {
        self.running -= 1;
        if let Some(line) = self.lines.get_mut(tenant) {
            line.running -= 1;
        }
        self.lines
            .retain(|_, line| line.running > 0 || !line.waiting.is_empty());
    }

    /// Takes the next one out of the queue.
    fn next(&mut self) -> Option<(Tenant, oneshot::Sender<Place>)> {
        let waiting = self.lines.iter_mut().filter(|(_, line)| !line.waiting.is_empty());
        let (tenant, line) = waiting.min_by_key(|(_, line)| (line.running, line.served))?;
        let hand = line.waiting.pop_front()?;
        self.waiting -= 1;
        Some((tenant.clone(), hand))
    }

    /// Takes those out of the queue who no longer wait.
    fn forget_leavers(&mut self) {
        for line in self.lines.values_mut() {
            line.waiting.retain(|hand| !hand.is_closed());
        }
        self.waiting = self.lines.values().map(|line| line.waiting.len()).sum();
    }
}

impl Drop for Place {
    /// Hands the place to the next one; one that left meanwhile passes it on when it is dropped in its hand.
    fn drop(&mut self) {
        let next = {
            let mut state = self.shared.lock();
            state.let_out(&self.tenant);
            let next = state.next();
            if let Some((tenant, _)) = &next {
                state.let_in(tenant);
            }
            next
        };
        if let Some((tenant, hand)) = next {
            let shared = Arc::clone(&self.shared);
            // Outside the lock: a place that nobody takes is dropped here.
            drop(hand.send(Place { shared, tenant }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turnstile(running: usize, waiting: usize) -> Turnstile {
        let running = NonZeroUsize::new(running);
        Turnstile::new(Bounds { running, waiting }, 2)
    }

    fn tenant(name: &str) -> Tenant {
        name.parse().unwrap()
    }

    fn place(turn: Turn) -> Place {
        match turn {
            Turn::Now(place) => place,
            Turn::Later(mut turn) => turn.try_recv().expect("its turn has come"),
        }
    }

    #[test]
    fn as_many_run_as_may_and_the_next_is_told_how_many() {
        let turnstile = turnstile(2, 0);
        let first = turnstile.enter(&tenant("a")).unwrap();
        let _second = turnstile.enter(&tenant("b")).unwrap();
        let full = turnstile.enter(&tenant("a")).unwrap_err();
        assert_eq!(
            full.to_string(),
            "Concurrent request limit exceeded. Max concurrent requests: 2"
        );
        assert_eq!(turnstile.busy(), Some(full));
        drop(first);
        assert_eq!(turnstile.busy(), None);
        turnstile.enter(&tenant("a")).unwrap();
    }

    #[test]
    fn without_a_bound_everybody_runs() {
        let turnstile = turnstile(0, 0);
        let _places: Vec<_> = (0..100).map(|_| turnstile.enter(&tenant("a")).unwrap()).collect();
        assert_eq!((turnstile.running(), turnstile.busy()), (100, None));
    }

    #[test]
    fn a_tenant_with_many_bodies_does_not_keep_another_waiting() {
        let turnstile = turnstile(1, 6);
        let running = place(turnstile.enter(&tenant("many")).unwrap());
        let [second, third, fourth] = [(); 3].map(|()| turnstile.enter(&tenant("many")).unwrap());
        assert!(
            turnstile.enter(&tenant("many")).is_err(),
            "half of the queue is another's"
        );
        let other = turnstile.enter(&tenant("other")).unwrap();
        drop(running);
        let running = place(other);
        drop(running);
        let running = place(second);
        drop((third, running));
        drop(place(fourth));
        assert_eq!((turnstile.running(), turnstile.waiting()), (0, 0));
    }

    #[test]
    fn who_leaves_the_queue_makes_room() {
        let turnstile = turnstile(1, 2);
        let running = place(turnstile.enter(&tenant("a")).unwrap());
        let leaver = turnstile.enter(&tenant("a")).unwrap();
        assert!(turnstile.enter(&tenant("a")).is_err());
        drop(leaver);
        let stays = turnstile.enter(&tenant("a")).unwrap();
        drop(running);
        drop(place(stays));
        assert_eq!(turnstile.running(), 0);
    }
}
