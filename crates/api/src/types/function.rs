//! Functions, their revisions and their instances.

use coracle_spec::revision::Scale;
use coracle_spec::{Digest, FunctionId, RevisionConfig};
use serde::{Deserialize, Serialize};

use super::LogLine;

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
    /// How it does: `ready`, `starting`, `asleep`, `failing`, or `never ready`.
    pub state: String,
    /// The same as a sentence, with the reason.
    pub reason: String,
    /// The revision that serves; none when none was ever ready.
    pub revision: Option<RevisionView>,
    /// What is known of that one's image; none when it is not in the store.
    pub image: Option<ImageView>,
    /// How many instances there are to be: the revision's, or what it was changed to since.
    pub scale: Option<Scale>,
    /// Whether that was changed since the deploy.
    pub rescaled: bool,
    /// Its instances.
    pub instances: Vec<InstanceView>,
    /// Whether a sandbox is ready for the next start.
    pub spare: bool,
    /// The requests that wait.
    pub queue: QueueView,
    /// The newest revision that failed, when it is newer than the one that serves.
    pub failed_revision: Option<u64>,
    /// The last start that failed.
    pub last_failure: Option<FailureView>,
    /// The instances that ended last, newest first.
    pub exits: Vec<ExitView>,
    /// What was printed last, the oldest line first.
    pub lines: Vec<LogLine>,
    /// What happened last, newest first: starts, exits, failures.
    pub events: Vec<EventView>,
    /// What can be done about what is wrong.
    pub hints: Vec<String>,
}

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageView {
    /// The bytes of its blobs.
    pub size: u64,
    /// Where its program is told to listen.
    pub port: u16,
    /// Its program.
    pub command: Vec<String>,
}

/// Requests that wait for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// How many.
    pub waiting: u64,
    /// For how many milliseconds the first of them does so.
    pub longest_ms: u64,
}

/// A start that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureView {
    /// Seconds since 1970-01-01 UTC.
    pub at: u64,
    /// The number of the revision.
    pub revision: u64,
    /// What went wrong: how the program ended, or what the last probe found.
    pub cause: String,
    /// What can be done about it.
    pub hint: Option<String>,
    /// The ports that the program listened on instead of its own.
    pub listened_on: Vec<u16>,
    /// What it printed last, the oldest line first.
    pub said: Vec<String>,
}

/// An instance that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitView {
    /// Seconds since 1970-01-01 UTC.
    pub at: u64,
    /// The number of its revision.
    pub revision: u64,
    /// Its name.
    pub instance: String,
    /// How it ended, as a sentence.
    pub how: String,
    /// The code that its program exited with.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it used more memory than it may.
    pub out_of_memory: bool,
    /// Whether it was told to end.
    pub told_to: bool,
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
