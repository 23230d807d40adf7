//! A node of the plan.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::op::Op;

/// One node of a plan: something to do, whose result is one or more layers.
///
/// A step is pure: the same definition over the same inputs gives the same layers, so that the digest of both
/// is the key of its result in a cache. `name` is for people and belongs to no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name within the plan.
    pub id: StepId,
    /// What it does, for people: `install dependencies`.
    pub name: String,
    /// What it does.
    #[serde(flatten)]
    pub op: Op,
}

/// The name of a step within its plan: a short word, the same for every plan of the runtime (`dependencies`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// Makes an id of `word`.
    pub fn new(word: impl Into<String>) -> Self {
        Self(word.into())
    }

    /// Answers the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for StepId {
    fn from(word: &str) -> Self {
        Self::new(word)
    }
}
