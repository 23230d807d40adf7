//! Adopting: instances that a server left running when it was killed serve on under the next one.

use std::sync::Arc;

use coracle_sandbox::{Adopted, Sandbox};

use crate::fleet::Fleet;
use crate::launch::Belonging;
use crate::platform::Platform;

impl Platform {
    /// Takes over what an earlier platform left running, and ends what no revision that serves needs.
    pub(crate) fn adopt(&self, left: Vec<Adopted>) {
        for adopted in left {
            match self.home_of(&adopted) {
                Some((fleet, port)) => fleet.adopt(adopted.sandbox, port),
                None => self.clear_away(adopted.sandbox),
            }
        }
    }

    /// Answers the fleet that a sandbox belongs to, if that one serves, and where its program was told to listen.
    fn home_of(&self, adopted: &Adopted) -> Option<(Arc<Fleet>, u16)> {
        let Belonging {
            function,
            revision,
            port,
        } = Belonging::of(&adopted.spec)?;
        let fleet = self.functions().get(&function)?;
        (adopted.started && fleet.revision().number == revision).then_some((fleet, port))
    }

    fn clear_away(&self, sandbox: Arc<dyn Sandbox>) {
        let name = format!("clear away {}", sandbox.id());
        self.services().tasks.spawn_graceful(name, |_| async move {
            if let Err(error) = sandbox.remove().await {
                tracing::error!(sandbox = %sandbox.id(), %error, "sandbox is not cleared away");
            }
        });
    }
}
