//! Deploying.

use coracle_spec::{Deployable, Digest, FunctionId, RevisionConfig};
use serde::{Deserialize, Serialize};

/// Makes a revision: the body of `POST /api/v1/functions/{namespace}/{name}/revisions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployRequest {
    /// The digest of the image's manifest, which the server has; or the image's name in a registry, which the
    /// server pulls it from.
    pub image: Deployable,
    /// What to call the image when it is shown, such as `hello:latest`; one of a registry has its name there.
    #[serde(default)]
    pub reference: Option<String>,
    /// The rest of what the revision consists of.
    #[serde(default)]
    pub config: RevisionConfig,
}

/// Leads a function back: the body of `POST /api/v1/functions/{namespace}/{name}/rollback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RollbackRequest {
    /// The number of the revision to serve again; left out: the last one before the current that was ready.
    pub to: Option<u64>,
}

/// What a deploy made, or a rollback led to; it serves when this is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// The function.
    pub function: FunctionId,
    /// The number of the revision that serves now.
    pub revision: u64,
    /// Its image.
    pub image: Digest,
    /// Where the function answers.
    pub url: String,
    /// Milliseconds from the start of the instance to its answer to the probe.
    pub ready_ms: u64,
    /// The revision that served before, if one did.
    pub replaced: Option<u64>,
}
