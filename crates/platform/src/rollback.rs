//! Going back: an earlier revision starts, shows that it is ready, and gets the traffic again.
//!
//! The history is not edited, nor grown: the function's current revision is the earlier one, under its own number. A
//! copy of it under a new number lost: two revisions that are the same thing tell nothing.

use std::sync::Arc;

use coracle_content::Store;
use coracle_oci::ImageError;
use coracle_spec::{Class, Digest, Failure, FunctionId};
use coracle_state::{RevisionStatus, StateError};

use crate::deploy::{Deployed, try_out};
use crate::failure::StartFailure;
use crate::platform::Platform;
use crate::records::{RecordError, RevisionRecord};

/// Why a function was not led back to an earlier revision. Whatever served before still does.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// The function cannot be looked up.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// No revision before the one that serves ever became ready.
    #[error("`{function}` has no earlier revision that was ready")]
    NoPrevious {
        /// The function.
        function: FunctionId,
    },
    /// The function has no such revision.
    #[error("`{function}` has no revision {number}")]
    NoRevision {
        /// The function.
        function: FunctionId,
        /// The number asked for.
        number: u64,
    },
    /// The revision never answered its probe.
    #[error("`{function}` revision {number} was never ready")]
    NeverReady {
        /// The function.
        function: FunctionId,
        /// The number asked for.
        number: u64,
    },
    /// The revision serves already.
    #[error("`{function}` revision {number} serves already")]
    Serves {
        /// The function.
        function: FunctionId,
        /// The number asked for.
        number: u64,
    },
    /// The image of the revision is not in the store any more, or not whole.
    #[error("the image `{}` of revision {number} is no longer in the store", digest.short())]
    NoImage {
        /// The number of the revision.
        number: u64,
        /// The image's manifest.
        digest: Digest,
    },
    /// The store cannot be read.
    #[error("cannot look for the image")]
    Image(#[from] ImageError),
    /// The revision does not start any more.
    #[error(transparent)]
    Start(Arc<StartFailure>),
    /// The state cannot be written.
    #[error("cannot note which revision serves")]
    State(#[from] StateError),
    /// The platform ends.
    #[error("the platform is shutting down")]
    Stopping,
}

impl Failure for RollbackError {
    fn class(&self) -> Class {
        match self {
            Self::Record(error) => error.class(),
            Self::NoRevision { .. } => Class::NotFound,
            Self::NoPrevious { .. } | Self::NeverReady { .. } | Self::NoImage { .. } => Class::User,
            Self::Serves { .. } => Class::Conflict,
            Self::Image(error) => error.class(),
            Self::Start(error) => error.class(),
            Self::State(error) => error.class(),
            Self::Stopping => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Record(error) => error.hint(),
            Self::NoPrevious { function } => Some(format!(
                "name one with `--to`: `coracle revisions {function}` lists them"
            )),
            Self::NoRevision { function, .. }
            | Self::NeverReady { function, .. }
            | Self::Serves { function, .. } => Some(format!("`coracle revisions {function}` lists them")),
            Self::NoImage { .. } => Some("deploy its source again".to_owned()),
            Self::Image(error) => error.hint(),
            Self::Start(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Stopping => None,
        }
    }
}

impl Platform {
    /// Leads a function back to revision `to`, or to the last one before the current that was ready: answers once that
    /// serves, or why it does not.
    ///
    /// Takes its turn with deploys, and goes on when the caller stops waiting. The function keeps its scale.
    pub async fn roll_back(&self, id: &FunctionId, to: Option<u64>) -> Result<Deployed, RollbackError> {
        let (platform, function) = (self.clone(), id.clone());
        let returning = async move { platform.return_to(&function, to).await };
        let answer = self.to_its_end(format!("roll back {id}"), returning).await;
        answer.unwrap_or(Err(RollbackError::Stopping))
    }

    async fn return_to(&self, id: &FunctionId, to: Option<u64>) -> Result<Deployed, RollbackError> {
        let _turn = self.turn(id).await;
        let revisions = self.revisions(id).await?;
        let chosen = choose(id, revisions, to)?.revision;
        self.image_is_whole(chosen.number, chosen.image).await?;
        let scale = self.functions().get(id).and_then(|fleet| fleet.own_scale());
        let fleet = self.fleet(chosen, scale);
        let ready_after = try_out(&fleet).await.map_err(RollbackError::Start)?;
        if let Err(error) = self.records().return_to(fleet.revision()).await {
            fleet.close();
            return Err(error.into());
        }
        let deployed = self.switch_to(&fleet, ready_after);
        self.services()
            .journal
            .rolled_back(fleet.revision(), deployed.replaced);
        Ok(deployed)
    }

    async fn image_is_whole(&self, number: u64, digest: Digest) -> Result<(), RollbackError> {
        let store = self.services().store.clone();
        let looked = tokio::task::spawn_blocking(move || is_whole(&store, &digest)).await;
        let whole = looked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        if whole {
            Ok(())
        } else {
            Err(RollbackError::NoImage { number, digest })
        }
    }
}

/// Answers whether every part of an image is in the store.
fn is_whole(store: &Store, digest: &Digest) -> Result<bool, ImageError> {
    let image = match coracle_oci::load(store, digest) {
        Err(error) if error.class() == Class::NotFound => return Ok(false),
        image => image?,
    };
    for layer in &image.layers {
        if store.blob(&layer.digest)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Chooses among a function's revisions, newest first.
fn choose(
    id: &FunctionId,
    revisions: Vec<RevisionRecord>,
    to: Option<u64>,
) -> Result<RevisionRecord, RollbackError> {
    let function = id.clone();
    let serving = revisions.iter().find(|record| record.serving);
    let serving = serving.map_or(u64::MAX, |record| record.revision.number);
    let Some(number) = to else {
        let earlier = |record: &RevisionRecord| {
            record.revision.number < serving && record.status == RevisionStatus::Ready
        };
        return revisions
            .into_iter()
            .find(earlier)
            .ok_or(RollbackError::NoPrevious { function });
    };
    let named = revisions
        .into_iter()
        .find(|record| record.revision.number == number);
    match named {
        None => Err(RollbackError::NoRevision { function, number }),
        Some(record) if record.serving => Err(RollbackError::Serves { function, number }),
        Some(record) if record.status != RevisionStatus::Ready => {
            Err(RollbackError::NeverReady { function, number })
        }
        Some(record) => Ok(record),
    }
}
