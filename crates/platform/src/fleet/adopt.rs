//! Taking in a sandbox that runs already.

use std::error::Error;
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
        let fleet = Arc::clone(self);
        let name = format!("adopt {}", sandbox.id());
        self.services.tasks.spawn(name, async move {
            let counted = Counted::new(&fleet);
            if !fleet.take_in(sandbox, port).await {
                drop(counted);
                // Whoever waited for it waits for a new one.
                fleet.wanted();
            }
        });
    }

    async fn take_in(self: &Arc<Self>, sandbox: Arc<dyn Sandbox>, port: u16) -> bool {
        let image = match self.image().await {
            Ok(image) => image,
            Err(error) => {
                tracing::warn!(sandbox = %sandbox.id(), error = &error as &dyn Error, "sandbox is not taken over");
                let _ = sandbox.remove().await;
                return false;
            }
        };
        let instance = self.board(sandbox, port, image);
        let ready = self.await_ready(&instance).await.is_ok() && instance.enter(State::Ready);
        if ready {
            self.services.journal.adopted(&self.revision, &instance);
            self.welcome(instance);
        } else {
            instance.dismiss(Duration::ZERO);
        }
        ready
    }
}
