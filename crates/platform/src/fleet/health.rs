//! Watching whether a ready instance stays well, when its revision says how to tell.

use std::sync::Arc;

use tokio::time::sleep;

use super::Fleet;
use crate::instance::{Instance, State};
use crate::launch;
use crate::probe::Probe;

/// How many checks in a row must fail: one may meet a pause that says nothing.
const FAILURES: u32 = 3;

impl Fleet {
    /// Answers how to find out about an instance.
    pub(super) fn probe(&self, instance: &Instance) -> Probe {
        let config = &self.revision.config;
        Probe {
            port: instance.port(),
            behind: launch::behind(&instance.image().config, config),
            health: config.health.clone(),
        }
    }

    /// Checks an instance in the background for as long as it lives, and ends it when it is not well: the next request
    /// gets another one.
    pub(super) fn watch_health(self: &Arc<Self>, instance: &Arc<Instance>) {
        let probe = self.probe(instance);
        if !probe.tells_health() {
            return;
        }
        let (fleet, instance) = (Arc::clone(self), Arc::clone(instance));
        self.services
            .tasks
            .spawn(format!("health {}", instance.id()), async move {
                tokio::select! {
                    () = instance.gone() => {}
                    why = until_unwell(&probe, &instance) => {
                        fleet.services.journal.unwell(&fleet.revision, &instance, &why);
                        fleet.end(Arc::clone(&instance));
                    }
                }
            });
    }
}

/// Waits until checks of a ready instance fail in a row; answers what the last one said. A frozen one is left alone.
async fn until_unwell(probe: &Probe, instance: &Instance) -> String {
    let mut failures = 0;
    loop {
        sleep(probe.health.interval.duration()).await;
        if instance.state() != State::Ready {
            continue;
        }
        match probe.check(instance.sandbox()).await {
            Ok(()) => failures = 0,
            Err(why) if failures + 1 == FAILURES => return why,
            Err(_) => failures += 1,
        }
    }
}
