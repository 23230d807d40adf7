//! Making a spare when the last instance has ended for idleness.

use std::sync::Arc;

use super::Fleet;
use crate::failure::StartFailure;
use crate::spares::Spare;

impl Fleet {
    /// Makes a spare in the background, if the fleet sleeps now and may be woken.
    pub(super) fn make_spare(self: &Arc<Self>) {
        if !self.services.spares.are_kept() || !self.sleeps() {
            return;
        }
        let fleet = Arc::clone(self);
        let name = format!("spare {:?}", self.revision.id());
        self.services.tasks.spawn(name, async move {
            if let Err(error) = fleet.keep_spare().await {
                // The next request will find out what is wrong, and say so.
                tracing::debug!(%error, "no spare");
            }
        });
    }

    async fn keep_spare(&self) -> Result<(), StartFailure> {
        let image = self.prepared_image().await?;
        let sandbox = self.create(&image).await?;
        let revision = Arc::clone(&self.revision);
        self.services.spares.keep(Spare {
            revision,
            sandbox,
            image,
        });
        if !self.sleeps() {
            // Retired meanwhile, or awake without it.
            self.services.spares.discard(&self.revision.id());
        }
        Ok(())
    }

    fn sleeps(&self) -> bool {
        let crew = self.crew();
        crew.instances.is_empty() && crew.starting == 0 && !crew.retired && !crew.closed
    }
}
