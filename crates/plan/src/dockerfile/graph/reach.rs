//! Which stages the target needs, and which images.

use std::collections::{BTreeMap, BTreeSet};

use coracle_dockerfile::Lines;

use super::super::error::{DockerfileError, Wrong};
use super::super::{Input, Known, Wanted};
use super::triggers;
use super::{Graph, Node, Source};

/// What the target needs.
#[derive(Debug, Default)]
pub(in crate::dockerfile) struct Reach {
    /// The stages, by number, itself included.
    pub(in crate::dockerfile) stages: BTreeSet<usize>,
    /// The images that are not known yet, and the first lines that name each.
    pub(in crate::dockerfile) wants: BTreeMap<Wanted, Lines>,
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
            for (source, lines) in self.needs(index) {
                match source {
                    Source::Stage(index) => open.push(*index),
                    Source::Image(wanted) if !known.contains_key(wanted) => {
                        let first = reach.wants.entry(wanted.clone()).or_insert(lines);
                        *first = lines.min(*first);
                    }
                    Source::Image(_) | Source::Nothing => {}
                }
            }
        }
        reach
    }

    /// Answers what a stage needs, and where it says so.
    fn needs(&self, index: usize) -> impl Iterator<Item = (&Source, Lines)> {
        let node = &self.stages[index];
        let copied = node.commands.iter().flat_map(|command| {
            let sources = command.sources.iter().flatten();
            sources.map(|source| (source, command.lines))
        });
        std::iter::once((&node.base, node.lines)).chain(copied)
    }

    /// Refuses stages that need themselves, by taking away, again and again, what nothing left copies from.
    pub(super) fn refuse_circles(&self, input: &Input<'_>) -> Result<(), DockerfileError> {
        let mut uses: Vec<usize> = vec![0; self.stages.len()];
        for from in self.stages.iter().flat_map(Node::copied) {
            uses[from] += 1;
        }
        let mut free: Vec<usize> = (0..uses.len()).filter(|index| uses[*index] == 0).collect();
        while let Some(index) = free.pop() {
            for from in self.stages[index].copied() {
                uses[from] -= 1;
                free.extend((uses[from] == 0).then_some(from));
            }
        }
        // What is left is used by others that are left: by themselves, in the end.
        let is_left = |source: &Source| source.stage().is_some_and(|from| uses[from] > 0);
        for (index, node) in self
            .stages
            .iter()
            .enumerate()
            .filter(|(index, _)| uses[*index] > 0)
        {
            let guilty = node
                .commands
                .iter()
                .find(|command| command.sources.iter().flatten().any(is_left));
            if let Some(command) = guilty {
                let name = node.name.clone().unwrap_or_else(|| index.to_string());
                return Err(Wrong::new(format!("the stage `{name}` needs itself")).at(input, command.lines));
            }
        }
        Ok(())
    }
}

impl Node {
    /// Answers the stages that it copies from.
    fn copied(&self) -> impl Iterator<Item = usize> {
        let sources = self.commands.iter().flat_map(|command| &command.sources);
        sources.flatten().filter_map(Source::stage)
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
