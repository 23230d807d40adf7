//! The fleets that have instances, and the loop that looks after them on a signal and on a timer.
//!
//! Only these are looked at: ten thousand functions that sleep cost nothing here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::fleet::Fleet;

/// The fleets that have instances, or should have.
#[derive(Default)]
pub(crate) struct Fleets {
    /// By identity: while one fleet of a revision drains, another one of the same may begin.
    watched: Mutex<Vec<Arc<Fleet>>>,
    signal: Notify,
}

impl Fleets {
    /// Looks after a fleet from now on, until it has no instances and needs none.
    pub(crate) fn watch(&self, fleet: &Arc<Fleet>) {
        let mut watched = self.lock();
        if !watched.iter().any(|other| Arc::ptr_eq(other, fleet)) {
            watched.push(Arc::clone(fleet));
        }
    }

    /// Makes the loop look soon.
    pub(crate) fn look_soon(&self) {
        self.signal.notify_one();
    }

    /// Answers the fleets that are looked after.
    pub(crate) fn watched(&self) -> Vec<Arc<Fleet>> {
        self.lock().clone()
    }

    /// Looks after the fleets until it is dropped.
    pub(crate) async fn look_after(&self, every: Duration) {
        let mut timer = interval(every);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = timer.tick() => {}
                () = self.signal.notified() => {}
            }
            self.look(Instant::now());
        }
    }

    fn look(&self, now: Instant) {
        for fleet in self.watched() {
            fleet.tend(now);
        }
        self.lock().retain(|fleet| fleet.needs_looking_after());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Fleet>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
