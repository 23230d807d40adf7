//! What a build of the Function Builder API answers.

use serde::Deserialize;

/// One object of the answer: of a stream, or the whole of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ContextBuildEvent {
    /// What was told since the last one, a line each.
    #[serde(default)]
    pub log: Option<Vec<String>>,
    /// The image's name as it was sent.
    #[serde(default)]
    pub image: String,
    /// How it stands.
    pub status: ContextBuildStatus,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// How a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextBuildStatus {
    /// It goes on.
    InProgress,
    /// The image is where it should be.
    Success,
    /// It failed; some pages say `failure`.
    #[serde(alias = "failure")]
    Failed,
}
