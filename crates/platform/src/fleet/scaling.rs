//! How many instances there should be: what is seen goes to [`decide`], and what it answers is done here.

use std::sync::Arc;
use std::time::Duration;

use coracle_gateway::{InstanceId, Observed, Phase};
use coracle_scale::{Desired, InstanceSeen, Policy, Standing, decide};
use coracle_spec::revision::Scale;
use tokio::time::Instant;

use super::{Crew, Fleet};
use crate::failure::{StartCause, StartFailure};
use crate::instance::{Instance, State};

impl Fleet {
    /// Answers how many instances there are to be.
    pub(crate) fn scale(&self) -> Scale {
        self.scale_of(&self.crew()).clone()
    }

    /// Answers what the scale was changed to since the deploy, if it was.
    pub(crate) fn own_scale(&self) -> Option<Scale> {
        self.crew().rescaled.clone()
    }

    /// Changes how many instances there are to be. Those that run serve on; what is missing starts, and what is too
    /// many ends once it has nothing to do.
    pub(crate) fn rescale(self: &Arc<Self>, scale: Scale) {
        let concurrency = Policy::from(&scale).concurrency;
        self.crew().rescaled = Some(scale);
        self.door.set_concurrency(concurrency);
        if self.needs_looking_after() {
            self.services.fleets.watch(self);
            self.services.fleets.look_soon();
        }
    }

    /// Takes the door's wish for more instances. Returns at once.
    pub(super) fn wanted(self: &Arc<Self>) {
        self.adjust(Instant::now());
    }

    /// Looks at the fleet: called on a signal and on a timer, with nothing remembered between the calls.
    pub(crate) fn tend(self: &Arc<Self>, now: Instant) {
        self.end_if_unneeded();
        self.adjust(now);
    }

    fn adjust(self: &Arc<Self>, now: Instant) {
        let observed = self.door.observe();
        match self.decide(&observed, now) {
            Ok(desired) => {
                self.carry_out(&desired);
                self.look_again(&observed);
            }
            Err(failure) => self.door.fail_waiting(&failure.for_callers()),
        }
    }

    /// Decides, and counts the starts that were decided on. Fails with the reason why no instance will come.
    fn decide(&self, observed: &Observed, now: Instant) -> Result<Desired<InstanceId>, Arc<StartFailure>> {
        let mut crew = self.crew();
        let policy = Policy {
            patience: crew.patience(),
            ..Policy::from(self.scale_of(&crew))
        };
        if crew.closed {
            return Err(Arc::new(self.failure(StartCause::Stopping)));
        }
        let mut desired = decide(&policy, &crew.seen(observed), now.into_std());
        if crew.retired && observed.waiting == 0 {
            desired.start = 0;
        }
        if let (true, Some(last)) = (desired.start > 0, crew.backoff.pausing(now)) {
            return Err(Arc::new(self.failure(StartCause::BackingOff(Arc::clone(last)))));
        }
        crew.starting += desired.start;
        Ok(desired)
    }

    fn carry_out(self: &Arc<Self>, desired: &Desired<InstanceId>) {
        for _ in 0..desired.start {
            self.start_in_background();
        }
        self.each(&desired.thaw, |instance| self.thaw(instance));
        self.each(&desired.end, |instance| self.end_if_still_idle(instance));
        self.each(&desired.freeze, |instance| self.freeze(instance));
    }

    fn each(&self, ids: &[InstanceId], act: impl Fn(Arc<Instance>)) {
        for id in ids {
            let found = self
                .crew()
                .instances
                .iter()
                .find(|instance| instance.id() == id)
                .cloned();
            if let Some(instance) = found {
                act(instance);
            }
        }
    }

    fn start_in_background(self: &Arc<Self>) {
        let fleet = Arc::clone(self);
        let name = format!("start {:?}", self.revision.id());
        self.services.fleets.watch(self);
        self.services.tasks.spawn(name, async move {
            // Whoever waits has been told; the journal has it.
            let _ = fleet.started().await;
        });
    }

    /// Looks again when requests have waited long enough to speak for another instance.
    fn look_again(self: &Arc<Self>, observed: &Observed) {
        if observed.waiting == 0 || std::mem::replace(&mut self.crew().looking_again, true) {
            return;
        }
        let fleet = Arc::clone(self);
        let patience = self.crew().patience();
        self.services.tasks.spawn("scale out", async move {
            tokio::time::sleep(patience).await;
            fleet.crew().looking_again = false;
            if fleet.door.observe().waiting > 0 {
                fleet.adjust(Instant::now());
            }
        });
    }

    fn end_if_still_idle(self: &Arc<Self>, instance: Arc<Instance>) {
        if instance.state() == State::Frozen || self.door.pause(instance.id()) {
            self.end(instance);
        }
    }

    fn freeze(self: &Arc<Self>, instance: Arc<Instance>) {
        if !self.door.pause(instance.id()) {
            return;
        }
        let fleet = Arc::clone(self);
        self.services
            .tasks
            .spawn(format!("freeze {}", instance.id()), async move {
                let frozen = instance.sandbox().freeze().await.is_ok() && instance.enter(State::Frozen);
                if !frozen || fleet.door.observe().waiting > 0 {
                    fleet.awaken(&instance).await;
                }
            });
    }

    fn thaw(self: &Arc<Self>, instance: Arc<Instance>) {
        if instance.state() != State::Frozen {
            // It is being frozen, and will see for itself that it is wanted.
            return;
        }
        let fleet = Arc::clone(self);
        let name = format!("thaw {}", instance.id());
        self.services
            .tasks
            .spawn(name, async move { fleet.awaken(&instance).await });
    }

    async fn awaken(self: &Arc<Self>, instance: &Arc<Instance>) {
        match instance.sandbox().thaw().await {
            Ok(()) => {
                instance.enter(State::Ready);
                self.door.resume(instance.id());
            }
            Err(error) => {
                tracing::warn!(instance = %instance.id(), %error, "instance does not thaw");
                self.end(Arc::clone(instance));
            }
        }
    }
}

/// The longest that requests wait for a place before another instance is started beside those there are.
const LONGEST_PATIENCE: Duration = Duration::from_secs(1);

impl Crew {
    /// Answers how long requests wait for a place before they speak for another instance: as long as a start takes,
    /// within bounds, since what is over before then needs none.
    fn patience(&self) -> Duration {
        let took = self.last_start.map_or(Duration::ZERO, |start| start.took);
        took.clamp(Policy::PATIENCE, LONGEST_PATIENCE)
    }

    /// Answers what the decision sees: the instances that serve or could, not those that start or end.
    fn seen(&self, observed: &Observed) -> coracle_scale::Observed<InstanceId> {
        let serves = |instance: &Arc<Instance>| matches!(instance.state(), State::Ready | State::Frozen);
        let serving = |id: &InstanceId| {
            self.instances
                .iter()
                .any(|instance| instance.id() == id && serves(instance))
        };
        let instances = observed
            .instances
            .iter()
            .filter(|state| serving(&state.id))
            .filter_map(|state| {
                let standing = match state.phase {
                    Phase::Ready => Standing::Ready,
                    Phase::Paused => Standing::Frozen,
                    Phase::Draining => return None,
                };
                Some(InstanceSeen {
                    id: state.id.clone(),
                    standing,
                    in_flight: state.in_flight,
                    since: state.since.into_std(),
                })
            });
        coracle_scale::Observed {
            instances: instances.collect(),
            starting: self.starting,
            waiting: u32::try_from(observed.waiting).unwrap_or(u32::MAX),
            waiting_since: observed
                .waiting_since
                .map(|since| self.unserved_since(since).into_std()),
        }
    }

    /// Answers since when somebody who came at `since` waits for a place: while an instance started, there was none.
    fn unserved_since(&self, since: Instant) -> Instant {
        self.last_start.map_or(since, |start| since.max(start.ended))
    }
}
