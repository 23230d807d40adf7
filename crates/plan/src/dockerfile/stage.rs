//! A stage while its instructions are carried out.

mod configuration;
mod exec;
mod expose;
mod mounts;
mod place;
mod signal;
mod state;
mod variables;

use std::collections::BTreeMap;

use coracle_dockerfile::Lines;
use coracle_dockerfile::instruction::Instruction;
use coracle_spec::image::History;
use coracle_spec::nearest;

pub(super) use self::state::State;
use super::checks::Checks;
use super::checks::whole::keyword;
use super::error::{DockerfileError, Wrong};
use super::graph::{Command, Node, Source};
use super::platform::{self, Platform};
use super::scope::{self, Variables};
use super::steps::{Standing, Steps};
use super::{Input, Known, KnownImage, Wanted};
use crate::op::{Op, Origin};
use crate::step::StepId;
use crate::target::Arch;

/// What all stages share.
pub(super) struct Shared<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) known: &'a Known,
    pub(super) escape: char,
    pub(super) globals: Variables,
    pub(super) checks: Checks<'a>,
    pub(super) steps: Steps,
    /// The stages that are done, by number.
    pub(super) done: BTreeMap<usize, State>,
}

/// The stage that is being carried out.
struct Stage<'a, 'b> {
    shared: &'b mut Shared<'a>,
    /// What its steps are called: its name, or its number.
    name: String,
    state: State,
    /// How many steps it has made.
    made: usize,
    /// Where instructions stand of which only the last counts.
    seen: BTreeMap<&'static str, Lines>,
}

/// Who wrote an entry of an image's history: what BuildKit's front end puts there, which tools look for.
const COMMENT: &str = "buildkit.dockerfile.v0";

/// The most steps of a plan, and the most bytes that a stage adds to its image's history: more than any engine takes.
const MOST_STEPS: usize = 1_000;
const MOST_NOTED: usize = 4 << 20;

impl<'a> Shared<'a> {
    /// Carries out a stage.
    pub(super) fn carry_out(
        &mut self,
        index: usize,
        node: &Node,
        name: String,
    ) -> Result<(), DockerfileError> {
        let input = self.input;
        let state = self.begun(node).map_err(|wrong| wrong.at(input, node.lines))?;
        let mut begun = Stage {
            shared: self,
            name,
            state,
            made: 0,
            seen: BTreeMap::new(),
        };
        for command in &node.commands {
            begun
                .carry_out(command)
                .map_err(|wrong| wrong.at(input, command.lines))?;
        }
        let state = begun.state;
        self.done.insert(index, state);
        Ok(())
    }

    /// Answers what a stage begins with.
    fn begun(&mut self, node: &Node) -> Result<State, Wrong> {
        let arch = self.arch(node)?;
        let mut state = match &node.base {
            Source::Nothing => State::of_nothing(self.input.target.arch),
            Source::Stage(index) => {
                let base = self.done.get(index).ok_or_else(|| later("stand on", *index))?;
                base.inherited()
            }
            Source::Image(wanted) => {
                let (image, layers) = self.image(wanted, node.lines)?;
                self.check_platform(wanted, image, (arch, node.lines));
                State::of_image(&image.document, layers, arch)
            }
        };
        state.begin();
        Ok(state)
    }

    fn check_platform(&mut self, wanted: &Wanted, image: &KnownImage, (arch, lines): (Arch, Lines)) {
        let actual = (image.document.os.as_str(), image.document.architecture.as_str());
        if actual != (platform::OS, arch.name()) {
            let name = wanted.reference.familiar_name();
            let needed = platform::name(arch);
            let message = format!(
                "`{name}` is for {}/{}, and {needed} is needed",
                actual.0, actual.1
            );
            self.checks.report("InvalidBaseImagePlatform", lines, message);
        }
    }

    fn arch(&self, node: &Node) -> Result<Arch, Wrong> {
        match &node.platform {
            None => Ok(self.input.target.arch),
            Some(Platform::Known(arch)) => Ok(*arch),
            Some(Platform::Other(name)) => Err(Wrong::new(format!("`{name}` is not supported"))
                .hint("images can be for `linux/amd64` and `linux/arm64`")),
        }
    }

    /// Answers the layers of what files come from.
    fn layers(&mut self, source: &Source, lines: Lines) -> Result<Vec<StepId>, Wrong> {
        match source {
            Source::Nothing => Ok(Vec::new()),
            Source::Stage(index) => match self.done.get(index) {
                Some(state) => Ok(state.layers.clone()),
                None => Err(later("copy from", *index)),
            },
            Source::Image(wanted) => self.image(wanted, lines).map(|(_, layers)| layers),
        }
    }

    /// Answers an image that was looked up, and its layers.
    fn image(&mut self, wanted: &Wanted, lines: Lines) -> Result<(&'a KnownImage, Vec<StepId>), Wrong> {
        let image = self.known.get(wanted);
        let image = image.ok_or_else(|| unknown(&wanted.reference.full_name()))?;
        let standing = Standing {
            text: self.input.text,
            lines,
        };
        Ok((image, self.steps.image(wanted, image, standing)))
    }
}

fn later(what: &str, index: usize) -> Wrong {
    Wrong::new(format!(
        "it cannot {what} stage number {index}, which is not built before it"
    ))
    .hint("move that stage up")
}

fn unknown(name: &str) -> Wrong {
    Wrong::new(format!("`{name}` is not known"))
}

impl Stage<'_, '_> {
    fn carry_out(&mut self, command: &Command) -> Result<(), Wrong> {
        match &command.instruction {
            Instruction::Add(add) => self.add(add, command),
            Instruction::Arg(arguments) => self.arg(arguments, command),
            Instruction::Cmd(line) => self.cmd(line, command),
            Instruction::Copy(copy) => self.copy(copy, command),
            Instruction::Entrypoint(line) => self.entrypoint(line, command),
            Instruction::Env(pairs) => self.env(pairs, command),
            Instruction::Expose(ports) => self.expose(ports, command),
            Instruction::Healthcheck(health) => self.healthcheck(health, command),
            Instruction::Label(pairs) => self.label(pairs, command),
            Instruction::Maintainer(name) => self.maintainer(name),
            Instruction::Onbuild(text) => {
                self.onbuild(text);
                Ok(())
            }
            Instruction::Run(run) => self.run(run, command),
            Instruction::Shell(words) => self.shell(words),
            Instruction::StopSignal(signal) => self.stop_signal(signal, command),
            Instruction::User(user) => self.user(user, command),
            Instruction::Volume(paths) => self.volume(paths, command),
            Instruction::Workdir(path) => self.workdir(path, command),
        }
    }

    /// Replaces the variables in an argument of an instruction.
    fn value(&mut self, text: &str, command: &Command) -> Result<String, Wrong> {
        let expanded = scope::expanded(text, self.shared.escape, &self.state.variables)?;
        for name in &expanded.unset {
            self.undefined(name, command.lines);
        }
        Ok(expanded.text)
    }

    /// Notes that an instruction uses a variable that nothing declares.
    fn undefined(&mut self, name: &str, lines: Lines) {
        if self.state.arguments.iter().any(|(own, _)| own == name) || variables::is_for_scanners(name) {
            return;
        }
        let near = nearest(name, self.state.variables.keys().map(String::as_str));
        let near = near
            .map(|near| format!(": did you mean `${near}`?"))
            .unwrap_or_default();
        let message = format!("`${name}` is not defined{near}");
        self.shared.checks.report("UndefinedVar", lines, message);
    }

    /// Adds a step whose layer is the stage's next one.
    fn step(&mut self, command: &Command, op: Op) -> Result<(), Wrong> {
        if self.shared.steps.done.len() >= MOST_STEPS {
            return Err(Wrong::new(format!("there are more than {MOST_STEPS} steps")));
        }
        let id = format!("{}.{}", self.name, self.made);
        self.made += 1;
        let word = keyword(&command.text);
        let trigger = if command.is_trigger { "ONBUILD " } else { "" };
        let name = format!(
            "{trigger}{}{}",
            word.to_uppercase(),
            &command.text.trim_start()[word.len()..]
        );
        let standing = Standing {
            text: self.shared.input.text,
            lines: command.lines,
        };
        let id = self.shared.steps.add(id, &name, op, standing);
        self.state.layers.push(id);
        Ok(())
    }

    /// Notes in the image's history what was done, and whether that made a layer.
    fn noted(&mut self, what: String, has_layer: bool) -> Result<(), Wrong> {
        self.state.noted += what.len();
        if self.state.noted > MOST_NOTED {
            return Err(Wrong::new(format!(
                "the image's history has more than {MOST_NOTED} bytes"
            )));
        }
        self.state.document.history.push(History {
            created_by: what,
            comment: COMMENT.to_owned(),
            empty_layer: !has_layer,
            ..History::default()
        });
        Ok(())
    }

    /// Notes that of several instructions only the last counts.
    fn once(&mut self, kind: &'static str, command: &Command) {
        if let Some(before) = self.seen.insert(kind, command.lines) {
            let word = keyword(&command.text);
            let message = format!("only the last {word} of a stage counts, and this is not it");
            self.shared
                .checks
                .report("MultipleInstructionsDisallowed", before, message);
        }
    }

    /// Answers where the files of a `COPY` or a mount come from.
    fn origin(&mut self, source: Option<&Source>, lines: Lines) -> Result<Origin, Wrong> {
        match source {
            None => Ok(Origin::Context),
            Some(source) => Ok(Origin::Steps(self.shared.layers(source, lines)?)),
        }
    }
}
