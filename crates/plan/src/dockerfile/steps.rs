//! The steps of a plan while they are made.

use std::collections::BTreeMap;

use coracle_dockerfile::Lines;
use coracle_dockerfile::error::excerpt;

use super::{KnownImage, Wanted};
use crate::op::{FromImage, Op};
use crate::step::{Step, StepId};

/// The longest name of a step, in characters.
const NAME: usize = 120;

/// The steps of a plan.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) done: Vec<Step>,
    pub(super) excerpts: BTreeMap<StepId, String>,
    images: BTreeMap<Wanted, Vec<StepId>>,
}

/// Where a step stands in the Dockerfile.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a> {
    /// The whole text.
    pub(super) text: &'a str,
    /// The lines of the instruction.
    pub(super) lines: Lines,
}

impl Steps {
    /// Adds a step whose id is `id` and whose name begins with `name`.
    pub(super) fn add(&mut self, id: String, name: &str, op: Op, standing: Standing<'_>) -> StepId {
        let id = StepId::new(id);
        let lines = excerpt(standing.text, standing.lines);
        self.excerpts
            .insert(id.clone(), format!("line {}\n{lines}", standing.lines.first));
        self.done.push(Step {
            id: id.clone(),
            name: shortened(name),
            op,
        });
        id
    }

    /// Answers the steps whose layers are an image's: one, made when it is first asked for, and none when the image has
    /// no layers.
    pub(super) fn image(
        &mut self,
        wanted: &Wanted,
        image: &KnownImage,
        standing: Standing<'_>,
    ) -> Vec<StepId> {
        if let Some(steps) = self.images.get(wanted) {
            return steps.clone();
        }
        let reference = wanted.reference.to_string();
        let steps = if is_empty(image) {
            Vec::new()
        } else {
            let id = format!("image.{}", self.images.len());
            let op = Op::Image(FromImage {
                reference: reference.clone(),
                digest: image.digest,
                arch: wanted.arch,
            });
            vec![self.add(
                id,
                &format!("FROM {}", wanted.reference.familiar_name()),
                op,
                standing,
            )]
        };
        self.images.insert(wanted.clone(), steps.clone());
        steps
    }
}

/// Answers whether an image has no layers. Old images do not list them, and their history tells.
fn is_empty(image: &KnownImage) -> bool {
    image.document.rootfs.diff_ids.is_empty() && image.document.history.iter().all(|entry| entry.empty_layer)
}

/// Answers the first line of a name, not too long.
fn shortened(name: &str) -> String {
    let line = name.lines().next().unwrap_or_default();
    if line.len() == name.len() && line.chars().count() <= NAME {
        return name.to_owned();
    }
    line.chars().take(NAME).collect::<String>() + "…"
}
