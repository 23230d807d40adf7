//! How many instances there are.

use coracle_spec::FunctionId;
use coracle_spec::revision::Scale;
use serde::{Deserialize, Serialize};

/// What `PATCH /api/v1/functions/{namespace}/{name}/scale` led to; its body is a [`coracle_spec::ScaleChange`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescaled {
    /// The function.
    pub function: FunctionId,
    /// The number of the revision that serves.
    pub revision: u64,
    /// How many instances there were to be.
    pub before: Scale,
    /// How many there are to be from now on, until the next deploy.
    pub scale: Scale,
}
