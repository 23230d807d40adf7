//! Ending instances: `ready → draining → gone`, one by one or all of them.

use std::sync::Arc;
use std::time::Duration;

use coracle_gateway::InstanceId;
use tokio::time::{Instant, timeout};

use super::Fleet;
use crate::instance::{Instance, State};

/// How long an instance that cannot be reached may take to end by itself: how it did is worth knowing.
const LAST_CHANCE: Duration = Duration::from_secs(1);

impl Fleet {
    /// Takes the fleet out of use: nobody is led to it any more. Its instances end once no request needs them.
    pub(crate) fn retire(self: &Arc<Self>) {
        self.crew().retired = true;
        self.services.fleets.watch(self);
        self.services.spares.discard(&self.revision.id());
        self.end_if_unneeded();
    }

    /// Ends the instances of a fleet that is over: a retired one's only when no request waits for them.
    pub(super) fn end_if_unneeded(self: &Arc<Self>) {
        let (retired, closed) = {
            let crew = self.crew();
            (crew.retired, crew.closed)
        };
        if closed || (retired && self.door.observe().waiting == 0) {
            self.end_all();
        }
    }

    /// Ends the fleet: requests that wait are refused, those in flight may finish.
    pub(crate) fn close(self: &Arc<Self>) {
        self.crew().closed = true;
        self.services.fleets.watch(self);
        self.services.spares.discard(&self.revision.id());
        self.door.close();
        self.end_all();
    }

    /// Waits until none of its instances is left.
    pub(crate) async fn ended(&self) {
        for instance in self.instances() {
            instance.gone().await;
        }
    }

    fn end_all(self: &Arc<Self>) {
        for instance in self.instances() {
            self.end(instance);
        }
    }

    /// Ends an instance in the background: no more requests, those it has may finish, then its program is asked to
    /// end, and at last killed.
    pub(super) fn end(self: &Arc<Self>, instance: Arc<Instance>) {
        if !instance.enter(State::Draining) {
            return;
        }
        let fleet = Arc::clone(self);
        let name = format!("drain {}", instance.id());
        self.services.tasks.spawn_graceful(name, |stop| async move {
            let deadline = Instant::now() + fleet.services.drain_grace;
            tokio::select! {
                _ = fleet.door.drain(instance.id(), deadline) => {}
                () = stop.cancelled() => {}
            }
            instance.dismiss(fleet.services.stop_grace);
        });
    }

    /// Ends an instance that cannot be reached, unless it is ending by itself already.
    pub(super) fn give_up(self: &Arc<Self>, id: &InstanceId) {
        let lost = self
            .crew()
            .instances
            .iter()
            .find(|instance| instance.id() == id)
            .cloned();
        let Some(instance) = lost else { return };
        let fleet = Arc::clone(self);
        self.services.tasks.spawn(format!("give up {id}"), async move {
            if timeout(LAST_CHANCE, instance.sandbox().wait()).await.is_err() {
                fleet.end(instance);
            }
        });
    }
}
