//! Changing how many instances a function has, without another image and without a restart.
//!
//! A scale that was changed belongs to the function: it is laid over the revision that serves, which stays as it was
//! deployed, and the next deploy ends it, since a deploy says everything. Another revision with the same image lost: it
//! would throw away instances that are warm just when somebody asks for more of them.

use coracle_spec::revision::Scale;
use coracle_spec::{Class, Failure, FunctionId, ScaleChange};
use coracle_state::StateError;

use crate::deploy::{ConfigError, check_scale};
use crate::platform::Platform;

/// What a change of scale led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescaled {
    /// The revision that serves.
    pub revision: u64,
    /// How many instances there were to be.
    pub before: Scale,
    /// How many there are to be from now on.
    pub scale: Scale,
}

/// Why a function's scale was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RescaleError {
    /// There is no such function, or it never served.
    #[error("no function `{0}` serves")]
    NotServing(FunctionId),
    /// The new scale contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot be noted.
    #[error("cannot note the scale")]
    State(#[from] StateError),
}

impl Failure for RescaleError {
    fn class(&self) -> Class {
        match self {
            Self::NotServing(_) => Class::NotFound,
            Self::Config(error) => error.class(),
            Self::State(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotServing(_) => Some("`coracle ls` lists the functions there are".to_owned()),
            Self::Config(_) => Some("give `--min` and `--max` together".to_owned()),
            Self::State(error) => error.hint(),
        }
    }
}

impl Platform {
    /// Changes how many instances a function has, from now on and until its next deploy.
    ///
    /// Takes its turn with deploys, so that the change is laid over what serves afterwards or ended by it, never lost
    /// between the two.
    pub async fn rescale(&self, id: &FunctionId, change: ScaleChange) -> Result<Rescaled, RescaleError> {
        let _turn = self.turn(id).await;
        let fleet = self
            .functions()
            .get(id)
            .ok_or_else(|| RescaleError::NotServing(id.clone()))?;
        let before = fleet.scale();
        let scale = change.applied_to(&before);
        check_scale(&scale)?;
        self.records().set_scale(id, scale.clone()).await?;
        fleet.rescale(scale.clone());
        self.services()
            .journal
            .rescaled(fleet.revision(), &before, &scale);
        Ok(Rescaled {
            revision: fleet.revision().number,
            before,
            scale,
        })
    }
}
