//! The plan: what a build will do.

use std::collections::BTreeMap;

use coracle_spec::image::ImageDocument;
use serde::Serialize;

use crate::step::{Step, StepId};

/// Everything that a build does, in an order in which it can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What runs the application: `python`, `node`, `server`.
    pub runtime: String,
    /// How the runtime and the start were found, one sentence each, for people.
    pub why: Vec<String>,
    /// What the author should know, one sentence each. Nothing of it fails the build.
    pub warnings: Vec<String>,
    /// The steps; each comes after all that it stands on.
    pub steps: Vec<Step>,
    /// The image made from the steps' layers.
    pub image: ImagePlan,
    /// Where steps come from, for when one of them fails: `line 3`, and below it the lines of a Dockerfile, marked.
    #[serde(skip)]
    pub excerpts: BTreeMap<StepId, String>,
}

impl Plan {
    /// Answers the step called `id`.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

/// What the image consists of and how it starts (image-spec, config.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImagePlan {
    /// The steps whose layers make the root file system, lowest first.
    pub layers: Vec<StepId>,
    /// The entrypoint; usually empty, so that the command alone says what starts.
    pub entrypoint: Vec<String>,
    /// What starts, as words; no shell takes part.
    pub command: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub workdir: String,
    /// The user and group that it runs as: `65532:65532`.
    pub user: String,
    /// The port that the application listens on, told to it as `PORT`.
    pub port: u16,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The whole configuration, of which the rest here is an extract, when it says more than that: an image that a
    /// Dockerfile makes. Its layers and times are still open. Its history is the base image's, and then one entry for
    /// each instruction; those that are no empty layer are the steps in `layers` after the base, in the same order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<ImageDocument>,
}
