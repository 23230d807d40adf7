//! Log lines: `GET /api/v1/functions/{namespace}/{name}/logs` answers one JSON object a line.

use serde::{Deserialize, Serialize};

/// What the query of the logs route says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogQuery {
    /// How many of the last lines.
    pub tail: u32,
    /// Whether new lines follow until the client leaves.
    pub follow: bool,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self {
            tail: 100,
            follow: false,
        }
    }
}

/// One line that an instance wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// The revision of the instance.
    pub revision: u64,
    /// The instance.
    pub instance: String,
    /// Where it wrote it.
    pub stream: Stream,
    /// The line without its end; what is no UTF-8 is replaced.
    pub text: String,
}

/// Where an instance wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
