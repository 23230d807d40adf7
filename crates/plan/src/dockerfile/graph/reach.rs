//! Which stages the target needs, and which images.

use std::collections::BTreeSet;

use super::super::error::{DockerfileError, Wrong};
use super::super::{Input, Known, Wanted};
use super::triggers;
use super::{Graph, Source};

/// What the target needs.
#[derive(Debug, Default)]
pub(in crate::dockerfile) struct Reach {
    /// The stages, by number, itself included.
    pub(in crate::dockerfile) stages: BTreeSet<usize>,
    /// The images that are not known yet.
    pub(in crate::dockerfile) wants: BTreeSet<Wanted>,
}

/// Adds what waits in bases to the stages, until that needs no further stages, and answers what the target needs.
pub(super) fn resolve(
    graph: &mut Graph,
    target: usize,
    known: &Known,
    input: &Input<'_>,
) -> Result<Reach, DockerfileError> {
    let mut triggered = BTreeSet::new();
    loop {
        let reach = graph.reach(target, known);
        let fresh: Vec<usize> = reach.stages.difference(&triggered).copied().collect();
        let mut is_changed = false;
        for index in fresh {
            let Some(texts) = triggers::of(graph, index, known) else {
                // Its base is still to be looked up.
                continue;
            };
            triggered.insert(index);
            is_changed |= !texts.is_empty();
            let lines = graph.stages[index].lines;
            triggers::add(graph, index, &texts, input).map_err(|wrong| wrong.at(input, lines))?;
        }
        if !is_changed {
            return Ok(reach);
        }
    }
}

impl Graph {
    fn reach(&self, target: usize, known: &Known) -> Reach {
        let mut reach = Reach::default();
        let mut open = vec![target];
        while let Some(index) = open.pop() {
            if !reach.stages.insert(index) {
                continue;
            }
            for source in self.needs(index) {
                match source {
                    Source::Stage(index) => open.push(*index),
                    Source::Image(wanted) if !known.contains_key(wanted) => {
                        reach.wants.insert(wanted.clone());
                    }
                    Source::Image(_) | Source::Nothing => {}
                }
            }
        }
        reach
    }

    fn needs(&self, index: usize) -> impl Iterator<Item = &Source> {
        let node = &self.stages[index];
        let copied = node
            .commands
            .iter()
            .flat_map(|command| command.sources.iter().flatten());
        std::iter::once(&node.base).chain(copied)
    }

    /// Refuses stages that need themselves.
    pub(super) fn refuse_circles(&self, input: &Input<'_>) -> Result<(), DockerfileError> {
        for (index, node) in self.stages.iter().enumerate() {
            for command in &node.commands {
                let stages = command.sources.iter().flatten().filter_map(Source::stage);
                if stages.into_iter().any(|from| self.copies_from(from, index)) {
                    let name = node.name.clone().unwrap_or_else(|| index.to_string());
                    return Err(
                        Wrong::new(format!("the stage `{name}` needs itself")).at(input, command.lines)
                    );
                }
            }
        }
        Ok(())
    }

    /// Answers whether a stage copies from another one, or from one that does; or is that one.
    fn copies_from(&self, stage: usize, wanted: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![stage];
        while let Some(index) = open.pop() {
            if index == wanted {
                return true;
            }
            if seen.insert(index) {
                let sources = self.stages[index]
                    .commands
                    .iter()
                    .flat_map(|command| &command.sources);
                open.extend(sources.flatten().filter_map(Source::stage));
            }
        }
        false
    }
}

impl Source {
    /// Answers the stage's number, if it is one.
    fn stage(&self) -> Option<usize> {
        match self {
            Self::Stage(index) => Some(*index),
            Self::Nothing | Self::Image(_) => None,
        }
    }
}
