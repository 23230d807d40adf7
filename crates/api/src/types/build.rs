//! Building on the server: `POST /api/v1/builds` answers one JSON object a line.

use coracle_spec::Digest;
use serde::{Deserialize, Serialize};

use super::Problem;

/// What the query of a build says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildQuery {
    /// The name of the source folder, which is the function's when no manifest says otherwise.
    pub folder: String,
    /// Whether it is an error if `coracle.lock` would change.
    #[serde(default)]
    pub locked: bool,
}

/// Something that happens in a build. `built` or `problem` is the last; without either the build was cut off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BuildEvent {
    /// The plan is made.
    Planned {
        /// How many steps it has.
        steps: usize,
    },
    /// Something the author should know that fails nothing.
    Warning {
        /// One sentence.
        text: String,
    },
    /// A step begins.
    Started {
        /// Which step.
        step: String,
        /// The step in words.
        name: String,
    },
    /// A step's program wrote a line.
    Line {
        /// Which step.
        step: String,
        /// The line without its end.
        text: String,
    },
    /// A step moved bytes.
    Transferred {
        /// Which step.
        step: String,
        /// What is being moved, in words.
        what: String,
        /// Bytes so far.
        done: u64,
        /// Bytes in all, zero when not known.
        total: u64,
    },
    /// A step is done.
    Finished {
        /// Which step.
        step: String,
        /// Whether the result was there already.
        cached: bool,
        /// How many milliseconds it took.
        ms: u64,
    },
    /// A step failed; the problem that follows says why.
    Failed {
        /// Which step.
        step: String,
        /// How many milliseconds it took.
        ms: u64,
    },
    /// The build is done, and the image on the server.
    Built {
        /// The image's manifest.
        image: Digest,
        /// The text of `coracle.lock`, when the build changed it.
        lock: Option<String>,
    },
    /// The build failed.
    Problem {
        /// Why.
        error: Problem,
        /// What the failing step printed last, the oldest line first.
        log: Vec<String>,
    },
}
