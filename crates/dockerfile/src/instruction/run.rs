//! `RUN`.

use super::CommandLine;
use super::mount::{self, Mount};
use super::options::Options;
use super::parse::command_line;
use crate::error::Problem;
use crate::heredoc::{self, Heredoc};

/// `RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What runs.
    pub command: CommandLine,
    /// Here-documents of the command: the only word of the command is a script, else they are its shell's.
    pub heredocs: Vec<Heredoc>,
    /// What is mounted while it runs, as it is written; [`Run::mounts`] reads them once variables have values.
    pub mounts: Vec<String>,
    /// What it can reach.
    pub network: RunNetwork,
    /// What it may do.
    pub security: Security,
}

/// What a command can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunNetwork {
    /// What the build says.
    #[default]
    Default,
    /// Nothing.
    None,
    /// The host's network.
    Host,
}

/// What a command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// What every command may.
    #[default]
    Sandbox,
    /// Everything.
    Insecure,
}

impl Run {
    /// Answers whether the command is nothing but a here-document: a script.
    pub fn is_script(&self) -> bool {
        matches!(&self.command, CommandLine::Shell(line) if heredoc::of_word(line).is_some())
    }

    /// Answers where each mount comes from, as it is written: it holds no variables.
    pub fn origins(&self) -> Vec<Option<String>> {
        self.mounts.iter().map(|text| mount::origin(text)).collect()
    }

    /// Reads what is mounted. `value` answers a text with its variables replaced.
    pub fn mounts<E: From<Problem>>(
        &self,
        value: impl Fn(&str) -> Result<String, E>,
    ) -> Result<Vec<Mount>, E> {
        self.mounts
            .iter()
            .map(|text| mount::parse(text, &value))
            .collect()
    }
}

pub(super) fn run(rest: &str, mut options: Options, heredocs: &[Heredoc]) -> Result<Run, Problem> {
    let run = Run {
        mounts: options.texts("mount")?,
        network: match options.text("network")?.as_deref() {
            None | Some("default") => RunNetwork::Default,
            Some("none") => RunNetwork::None,
            Some("host") => RunNetwork::Host,
            Some(other) => {
                return Err(Problem::new(format!(
                    "`{other}` is no network: expected `default`, `none` or `host`"
                )));
            }
        },
        security: match options.text("security")?.as_deref() {
            None | Some("sandbox") => Security::Sandbox,
            Some("insecure") => Security::Insecure,
            Some(other) => {
                return Err(Problem::new(format!(
                    "`{other}` is no security: expected `sandbox` or `insecure`"
                )));
            }
        },
        command: command_line(rest)?,
        heredocs: heredocs.to_vec(),
    };
    options.finish()?;
    for text in &run.mounts {
        mount::check(text)?;
    }
    Ok(run)
}
