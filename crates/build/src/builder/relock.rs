//! Newer pins for a project: everything is chosen again, and nothing is built.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Builder;
use crate::error::BuildError;
use crate::lock_file;
use crate::pinned::{self, Change};
use crate::pins::Refresh;
use crate::progress::Observer;
use crate::request::{Locking, Request};

impl Builder {
    /// Chooses everything anew that the folder's lock file pins, and answers what that changes.
    ///
    /// The file is written if `request` allows it.
    pub async fn relock(
        &self,
        request: &Request,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Change>, BuildError> {
        let builder = self.held()?;
        let chosen = Request {
            locking: Locking::Update,
            ..request.clone()
        };
        let prepared = builder
            .prepare(&chosen, &observer, cancel, Refresh::Everything)
            .await?;
        let changes = pinned::changes(&lock_file::read(&prepared.folder)?, &prepared.lock)?;
        if request.locking == Locking::Update {
            lock_file::write(&prepared.folder, &prepared.lock)?;
        }
        Ok(changes)
    }
}
