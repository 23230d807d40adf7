//! Instructions, checked (Dockerfile reference). What may hold variables is text still; the rest has its type.

mod copy;
mod health;
mod mount;
mod options;
mod parse;
mod run;

use std::time::Duration;

pub use crate::arguments::Pair;
pub use copy::{Add, Copy, Inline, Transfer};
pub use mount::{Mount, MountKind, Sharing};
pub use run::{Run, RunNetwork, Security};

pub(crate) use parse::{From, Parsed, parse};

/// An instruction of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// `ADD`: like `COPY`, and unpacks archives and fetches what is remote.
    Add(Add),
    /// `ARG`: variables of the build.
    Arg(Vec<Argument>),
    /// `CMD`: what starts, or arguments of what starts.
    Cmd(CommandLine),
    /// `COPY`: files of the context, of a stage or of an image.
    Copy(Copy),
    /// `ENTRYPOINT`: what starts.
    Entrypoint(CommandLine),
    /// `ENV`: variables of the build and of the image.
    Env(Vec<Pair>),
    /// `EXPOSE`: ports, sorted: `80`, `53/udp`, `8000-8010`.
    Expose(Vec<String>),
    /// `HEALTHCHECK`: how to see whether it works.
    Healthcheck(Healthcheck),
    /// `LABEL`: labels of the image.
    Label(Vec<Pair>),
    /// `MAINTAINER`: the author, an old word for a label.
    Maintainer(String),
    /// `ONBUILD`: an instruction for images that stand on this one, as it is written.
    Onbuild(String),
    /// `RUN`: a command whose changes become a layer.
    Run(Run),
    /// `SHELL`: what runs commands in the shell's form.
    Shell(Vec<String>),
    /// `STOPSIGNAL`: the signal that asks it to end.
    StopSignal(String),
    /// `USER`: who runs what follows: a name or number, and maybe a group's.
    User(String),
    /// `VOLUME`: folders that are not part of the image when it runs.
    Volume(Vec<String>),
    /// `WORKDIR`: where what follows happens.
    Workdir(String),
}

/// A variable of the build, and its value unless somebody sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The name.
    pub name: String,
    /// The value, as it is written.
    pub default: Option<String>,
}

/// A command in either of its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// A line for a shell.
    Shell(String),
    /// A program and its arguments, without any shell.
    Exec(Vec<String>),
}

/// How to see whether a container works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// Not at all, whatever the base says.
    None,
    /// By a command that succeeds.
    Command {
        /// The command.
        command: CommandLine,
        /// When and how often.
        schedule: Schedule,
    },
}

/// When a health check runs. Zero means Docker's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Between two checks.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// How long failures do not count.
    pub start_period: Duration,
    /// Between two checks during that time.
    pub start_interval: Duration,
    /// How many failures in a row make it unhealthy.
    pub retries: u32,
}
