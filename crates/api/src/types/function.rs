//! Functions, their revisions and their instances.

use coracle_spec::{Digest, FunctionId, RevisionConfig};
use serde::{Deserialize, Serialize};

/// One row of `GET /api/v1/functions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionSummary {
    /// The function.
    pub function: FunctionId,
    /// Where it answers.
    pub url: String,
    /// The number of the revision that serves.
    pub revision: u64,
    /// The image of that revision.
    pub image: Digest,
    /// Instances that answer requests or are about to.
    pub instances: u32,
    /// When that revision was made: seconds since 1970-01-01 UTC.
    pub deployed_at: u64,
}

/// `GET /api/v1/functions/{namespace}/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionDetail {
    /// The function.
    pub function: FunctionId,
    /// Where it answers.
    pub url: String,
    /// The revision that serves.
    pub revision: RevisionView,
    /// Its instances.
    pub instances: Vec<InstanceView>,
    /// What happened last, newest first: starts, exits, failures.
    pub events: Vec<EventView>,
}

/// An immutable revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionView {
    /// Counts from 1 within the function.
    pub number: u64,
    /// The image's manifest.
    pub image: Digest,
    /// What the image was called when it was deployed.
    pub reference: Option<String>,
    /// The rest of what the revision consists of.
    pub config: RevisionConfig,
    /// When it was made: seconds since 1970-01-01 UTC.
    pub created_at: u64,
    /// Who deployed it: `admin`, or `uid 0` of the server's machine; left out when it was deployed before that was noted.
    pub author: Option<String>,
    /// How the deploy went: `starting`, `ready`, or `failed`.
    pub status: RevisionStatus,
    /// Whether it gets the traffic.
    pub serving: bool,
}

/// How a revision's deploy went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevisionStatus {
    /// Its first instance is starting.
    Starting,
    /// Its first instance answered the probe.
    Ready,
    /// It never answered the probe, and got no traffic.
    Failed,
}

/// One running sandbox of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceView {
    /// Its name, unique on the machine.
    pub id: String,
    /// Its revision.
    pub revision: u64,
    /// `starting`, `ready`, `frozen`, `draining` or `gone`.
    pub state: String,
    /// Requests it is serving.
    pub in_flight: u32,
    /// Seconds since it was started.
    pub age_seconds: u64,
}

/// Something that happened to a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// Seconds since 1970-01-01 UTC.
    pub at: u64,
    /// What kind: `deployed`, `started`, `exited`, `start_failed` …
    pub kind: String,
    /// A sentence for people.
    pub message: String,
}
