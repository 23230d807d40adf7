//! Taking in a sandbox that runs already.

use std::sync::Arc;
use std::time::Duration;

use coracle_sandbox::Sandbox;

use super::Fleet;
use super::start::Counted;
use crate::instance::State;

impl Fleet {
    /// Takes in a sandbox whose program runs: it gets requests once it answers the probe, and ends if it does not.
    ///
    /// Until then it counts as a start, so that requests wait for it rather than for another one.
    pub(crate) fn adopt(self: &Arc<Self>, sandbox: Arc<dyn Sandbox>, port: u16) {
        self.crew().starting += 1;
        self.services.fleets.watch(self);
        let instance = self.board(sandbox, port);
        let fleet = Arc::clone(self);
        self.services
            .tasks
            .spawn(format!("adopt {}", instance.id()), async move {
                let counted = Counted::new(&fleet);
                let ready = fleet.await_ready(&instance, port).await.is_ok();
                if ready && instance.enter(State::Ready) {
                    fleet.services.journal.adopted(&fleet.revision, &instance);
                    fleet.welcome(instance);
                } else {
                    instance.dismiss(Duration::ZERO);
                    drop(counted);
                    // Whoever waited for it waits for a new one.
                    fleet.wanted();
                }
            });
    }
}
