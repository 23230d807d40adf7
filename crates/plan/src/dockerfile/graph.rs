//! Stages and what they stand on, before any of their instructions is carried out.

mod origin;
mod reach;
mod triggers;

use std::collections::BTreeMap;

use coracle_dockerfile::instruction::Instruction;
use coracle_dockerfile::word::Expanded;
use coracle_dockerfile::{Arguments, Dockerfile, Lines, Stage};
use coracle_spec::nearest;

pub(super) use self::origin::Source;
use super::checks::Checks;
use super::error::{DockerfileError, Wrong};
use super::platform::{self, Platform};
use super::scope::{self, Variables};
use super::{Input, Known};

/// The word for no base at all.
pub(super) const SCRATCH: &str = "scratch";

/// The stages of a file, in its order.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) stages: Vec<Node>,
    /// The last stage of each name.
    names: BTreeMap<String, usize>,
}

/// A stage.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: Option<String>,
    pub(super) base: Source,
    /// The processors that its base is for, when it says.
    pub(super) platform: Option<Platform>,
    pub(super) lines: Lines,
    pub(super) commands: Vec<Command>,
}

/// An instruction of a stage, and where its files come from.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) instruction: Instruction,
    pub(super) lines: Lines,
    pub(super) text: String,
    /// Whether it waited in the base.
    pub(super) is_trigger: bool,
    /// One of a `COPY --from`; one for each mount of a `RUN`, if it has any.
    pub(super) sources: Vec<Option<Source>>,
}

/// What a graph is made with.
pub(super) struct Making<'a, 'b> {
    pub(super) input: &'a Input<'a>,
    pub(super) escape: char,
    /// What the file declares before its first stage.
    pub(super) arguments: &'b [Arguments],
    pub(super) globals: &'b Variables,
    pub(super) checks: &'b mut Checks<'a>,
}

impl Graph {
    /// Finds out what each stage stands on and copies from.
    pub(super) fn new(file: &Dockerfile, making: &mut Making<'_, '_>) -> Result<Self, DockerfileError> {
        let mut graph = Self {
            stages: Vec::new(),
            names: BTreeMap::new(),
        };
        for stage in &file.stages {
            let at = |wrong: Wrong| wrong.at(making.input, stage.lines);
            let node = graph.node(stage, making).map_err(at)?;
            let index = graph.stages.len();
            graph.names.extend(node.name.clone().map(|name| (name, index)));
            graph.stages.push(node);
        }
        for (index, stage) in file.stages.iter().enumerate() {
            for located in &stage.instructions {
                let sources = graph.sources(&located.instruction, making.input, making.escape);
                let sources = sources.map_err(|wrong| wrong.at(making.input, located.lines))?;
                graph.stages[index].commands.push(Command {
                    instruction: located.instruction.clone(),
                    lines: located.lines,
                    text: located.text.clone(),
                    is_trigger: false,
                    sources,
                });
            }
        }
        graph.refuse_circles(making.input)?;
        Ok(graph)
    }

    fn node(&self, stage: &Stage, making: &mut Making<'_, '_>) -> Result<Node, Wrong> {
        let base = making.value(&stage.base, stage.lines)?.text;
        if base.is_empty() {
            return Err(Wrong::new(format!("the base `{}` is empty", stage.base))
                .hint("give the variable a default: `ARG NAME=value` before the first FROM"));
        }
        let platform = match &stage.platform {
            None => None,
            Some(written) => Some(making.platform(written, stage)?),
        };
        let arch = match &platform {
            Some(Platform::Known(arch)) => *arch,
            _ => making.input.target.arch,
        };
        Ok(Node {
            name: stage.name.clone(),
            base: match self.names.get(&base) {
                Some(index) => Source::Stage(*index),
                None => Source::outside(&base, arch).map_err(|wrong| of_variables(wrong, &stage.base))?,
            },
            platform,
            lines: stage.lines,
            commands: Vec::new(),
        })
    }

    /// Answers what the steps of a stage are called: as the stage is, if it has a name of its own, else by its number.
    pub(super) fn step_name(&self, index: usize) -> String {
        let own = self.stages[index].name.as_ref();
        let own = own.filter(|name| self.names.get(*name) == Some(&index));
        own.cloned().unwrap_or_else(|| index.to_string())
    }

    /// Answers the stage that becomes the image.
    pub(super) fn target(&self, name: Option<&str>) -> Result<usize, Wrong> {
        let Some(name) = name else {
            return Ok(self.stages.len() - 1);
        };
        let found = self.names.get(&name.to_lowercase()).copied();
        let numbered = || name.parse().ok().filter(|index| *index < self.stages.len());
        found.or_else(numbered).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> Wrong {
        let wrong = Wrong::new(format!("there is no stage `{name}`"));
        match nearest(name, self.names.keys().map(String::as_str)) {
            Some(near) => wrong.hint(format!("did you mean `{near}`?")),
            None if self.names.is_empty() => wrong.hint("name a stage with `FROM image AS name`"),
            None => {
                let names: Vec<String> = self.names.keys().map(|name| format!("`{name}`")).collect();
                wrong.hint(format!("the stages are {}", names.join(", ")))
            }
        }
    }

    /// Adds the triggers of bases, and answers the stages that the target needs.
    pub(super) fn resolve(
        &mut self,
        target: usize,
        known: &Known,
        input: &Input<'_>,
    ) -> Result<reach::Reach, DockerfileError> {
        reach::resolve(self, target, known, input)
    }
}

impl Making<'_, '_> {
    /// Replaces variables in a `FROM`.
    fn value(&mut self, text: &str, lines: Lines) -> Result<Expanded, Wrong> {
        let expanded = scope::expanded(text, self.escape, self.globals)?;
        let undeclared = expanded.unset.iter().filter(|name| !self.declares(name));
        let undeclared: Vec<_> = undeclared.cloned().collect();
        for name in &undeclared {
            let near = nearest(name, self.globals.keys().map(String::as_str));
            let near = near
                .map(|near| format!(": did you mean `{near}`?"))
                .unwrap_or_default();
            let message = format!("`{name}` is not declared before the first FROM{near}");
            self.checks.report("UndefinedArgInFrom", lines, message);
        }
        Ok(expanded)
    }

    /// Answers whether the file declares a variable before its first stage, be it without a value.
    fn declares(&self, name: &str) -> bool {
        let mut arguments = self.arguments.iter().flat_map(|line| &line.arguments);
        arguments.any(|argument| argument.name == name)
    }

    fn platform(&mut self, written: &str, stage: &Stage) -> Result<Platform, Wrong> {
        let expanded = self.value(written, stage.lines)?;
        if expanded.text.is_empty() {
            return Err(Wrong::new(format!("the platform `{written}` is empty")));
        }
        let platform = platform::parse(&expanded.text).ok_or_else(|| {
            Wrong::new(format!("`{}` is no platform", expanded.text))
                .hint("expected one such as `linux/amd64`")
        })?;
        let is_target = expanded.used.len() == 1
            && expanded.used.contains("TARGETPLATFORM")
            && self.globals.get("TARGETPLATFORM") == Some(&expanded.text);
        if is_target && expanded.unset.is_empty() {
            let message = format!("`{written}` is what FROM takes anyway");
            self.checks
                .report("RedundantTargetPlatform", stage.lines, message);
        }
        let is_constant = expanded.used.is_empty() && expanded.unset.is_empty();
        if is_constant && !mentions(stage.name.as_deref().unwrap_or_default(), &expanded.text) {
            let message = format!(
                "`--platform` should not have the constant value `{}`",
                expanded.text
            );
            self.checks
                .report("FromPlatformFlagConstDisallowed", stage.lines, message);
        }
        Ok(platform)
    }
}

/// Says where the variables of a base come from, if it is made of some.
fn of_variables(wrong: Wrong, base: &str) -> Wrong {
    if !base.contains('$') {
        return wrong;
    }
    wrong.hint(
        "FROM takes variables of ARG before the first FROM: give them defaults, or values with `--build-arg`",
    )
}

/// Answers whether a stage's name says what it is for, so that a constant is meant.
fn mentions(name: &str, platform: &str) -> bool {
    let parts = platform.split('/').take(2).filter(|part| !part.is_empty());
    parts.into_iter().any(|part| name.contains(part))
}
