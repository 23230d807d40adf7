//! Instructions that wait in a base until something stands on it (Dockerfile reference, "ONBUILD").

use coracle_dockerfile::instruction::Instruction;

use super::super::error::Wrong;
use super::super::{Input, Known};
use super::{Command, Graph, Source};

/// Answers what waits in the base of a stage; nothing when the base is not known yet.
pub(super) fn of(graph: &Graph, index: usize, known: &Known) -> Option<Vec<String>> {
    match &graph.stages[index].base {
        Source::Nothing => Some(Vec::new()),
        Source::Image(wanted) => Some(known.get(wanted)?.document.config.on_build.clone()),
        Source::Stage(base) => {
            let commands = graph.stages[*base].commands.iter();
            let waiting = commands.filter_map(|command| match &command.instruction {
                Instruction::Onbuild(text) => Some(text.clone()),
                _ => None,
            });
            Some(waiting.collect())
        }
    }
}

/// Puts what waited before everything else that a stage does.
pub(super) fn add(graph: &mut Graph, index: usize, texts: &[String], input: &Input<'_>) -> Result<(), Wrong> {
    let lines = graph.stages[index].lines;
    let mut commands = Vec::new();
    for text in texts {
        let wrong = |why: String| Wrong::new(format!("the base's trigger `ONBUILD {text}` is wrong: {why}"));
        let instruction =
            coracle_dockerfile::trigger(text).map_err(|error| wrong(error.problem().to_string()))?;
        // A trigger is read by itself: the file's own escape is not its.
        let sources = graph.sources(&instruction, input, '\\')?;
        commands.push(Command {
            instruction,
            lines,
            text: text.clone(),
            is_trigger: true,
            sources,
        });
    }
    graph.stages[index].commands.splice(0..0, commands);
    Ok(())
}
