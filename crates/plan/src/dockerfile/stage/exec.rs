//! `RUN`.

use coracle_dockerfile::instruction::{CommandLine, Run, RunNetwork, Security};
use coracle_spec::revision::Network;

use super::super::error::Wrong;
use super::super::graph::Command;
use super::super::scope;
use super::Stage;
use crate::op::{Exec, Op, Script};

/// Where a script of an own interpreter is while it runs; where BuildKit puts it, and its history says so.
const SCRIPTS: &str = "/dev/pipes";

impl Stage<'_, '_> {
    pub(super) fn run(&mut self, run: &Run, command: &Command) -> Result<(), Wrong> {
        self.refuse(run)?;
        let (words, script) = self.command(run);
        let note = format!("RUN {}{} # buildkit", self.arguments_in_front(), words.join(" "));
        let exec = Exec {
            root: self.state.layers.clone(),
            command: words,
            env: self.state.variables.clone(),
            proxies: scope::proxies(self.shared.input.args),
            workdir: self.state.workdir().to_owned(),
            user: self.state.document.config.user.clone(),
            script,
            mounts: self.mounts(run, command)?,
            network: match run.network {
                RunNetwork::None => Network::None,
                RunNetwork::Default | RunNetwork::Host => Network::Egress,
            },
        };
        self.step(command, Op::Exec(exec))?;
        self.noted(note, true)?;
        Ok(())
    }

    /// Refuses what no command here may have.
    fn refuse(&self, run: &Run) -> Result<(), Wrong> {
        let (arch, host) = (self.state.arch, self.shared.input.target.host);
        if run.security == Security::Insecure {
            return Err(Wrong::new("`--security=insecure` is not allowed")
                .hint("commands of builds run in sandboxes only: leave the flag out"));
        }
        if run.network == RunNetwork::Host {
            return Err(Wrong::new("`--network=host` is not allowed")
                .hint("commands reach the internet without it: leave the flag out"));
        }
        if arch != host {
            return Err(Wrong::new(format!(
                "a command for {} cannot run on this machine, which has {}",
                arch.name(),
                host.name()
            ))
            .hint(format!(
                "compile in a stage `FROM --platform=$BUILDPLATFORM …`, or build on a machine with {}",
                arch.name()
            )));
        }
        Ok(())
    }

    /// Answers the words that run, and the script that they need.
    fn command(&self, run: &Run) -> (Vec<String>, Option<Script>) {
        let line = match &run.command {
            CommandLine::Exec(words) => return (words.clone(), None),
            CommandLine::Shell(line) => line,
        };
        let Some(first) = run.heredocs.first() else {
            return (self.with_shell(line), None);
        };
        if !run.is_script() {
            // The shell reads them itself.
            let documents = run.heredocs.iter();
            let whole = documents.fold(line.clone(), |text, document| {
                format!("{text}\n{}{}", document.contents, document.name)
            });
            return (self.with_shell(&whole), None);
        }
        let contents = first.text();
        if !contents.starts_with("#!") {
            return (self.with_shell(&contents), None);
        }
        let path = format!("{SCRIPTS}/{}", first.name);
        (self.with_shell(&path), Some(Script { path, contents }))
    }

    /// Answers how the history shows the build's variables: `|2 A=1 B=2 `; nothing when there are none.
    fn arguments_in_front(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.state.arguments {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return String::new();
        }
        let shown = names.iter().map(|name| {
            let value = self.state.variables.get(*name).map_or("", String::as_str);
            format!("{name}={value} ")
        });
        format!("|{} {}", names.len(), shown.collect::<String>())
    }
}
