//! Instructions that change how the image is run, and make no layer; and `WORKDIR`, which makes one.

use coracle_dockerfile::instruction::{CommandLine, Healthcheck, Schedule};
use coracle_spec::image::{self, Empty};

use super::super::error::Wrong;
use super::super::graph::Command;
use super::super::{path, text};
use super::{Stage, keyword, signal};
use crate::op::{MakeFolder, Op};

/// What runs commands in the shell's form when nothing is said.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

impl Stage<'_, '_> {
    pub(super) fn cmd(&mut self, line: &CommandLine, command: &Command) -> Result<(), Wrong> {
        self.once("CMD", command);
        let words = self.words(line, command);
        self.noted(format!("CMD {}", text::quoted_list(&words)), false)?;
        let config = &mut self.state.document.config;
        config.cmd = Some(words).filter(|words| !words.is_empty());
        config.args_escaped = true;
        Ok(())
    }

    pub(super) fn entrypoint(&mut self, line: &CommandLine, command: &Command) -> Result<(), Wrong> {
        self.once("ENTRYPOINT", command);
        let words = self.words(line, command);
        self.noted(format!("ENTRYPOINT {}", text::quoted_list(&words)), false)?;
        let has_command = self.seen.contains_key("CMD");
        let config = &mut self.state.document.config;
        config.entrypoint = Some(words).filter(|words| !words.is_empty());
        if !has_command {
            // The base's command was for the base's entrypoint.
            config.cmd = None;
        }
        Ok(())
    }

    fn words(&mut self, line: &CommandLine, command: &Command) -> Vec<String> {
        match line {
            CommandLine::Exec(words) => words.clone(),
            CommandLine::Shell(line) => {
                if self.state.document.config.shell.is_empty() {
                    let word = keyword(&command.text);
                    let mut message =
                        format!("{word} should be a JSON array, so that signals reach the program");
                    if line.starts_with('[') {
                        message
                            .push_str(", and this is none: JSON has double quotes, and no comma at the end");
                    }
                    self.shared
                        .checks
                        .report("JSONArgsRecommended", command.lines, message);
                }
                self.with_shell(line)
            }
        }
    }

    /// Answers the words that run a line in the image's shell.
    pub(super) fn with_shell(&self, line: &str) -> Vec<String> {
        let own = &self.state.document.config.shell;
        let mut words = if own.is_empty() {
            SHELL.map(str::to_owned).into()
        } else {
            own.clone()
        };
        words.push(line.to_owned());
        words
    }

    pub(super) fn healthcheck(&mut self, health: &Healthcheck, command: &Command) -> Result<(), Wrong> {
        self.once("HEALTHCHECK", command);
        let (test, schedule) = match health {
            Healthcheck::None => (vec!["NONE".to_owned()], Schedule::default()),
            Healthcheck::Command { command, schedule } => (test(command), *schedule),
        };
        let note = format!(
            "HEALTHCHECK {{Test:{} Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
            text::list(&test),
            text::duration(schedule.interval),
            text::duration(schedule.timeout),
            text::duration(schedule.start_period),
            text::duration(schedule.start_interval),
            schedule.retries
        );
        self.noted(note, false)?;
        let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.state.document.config.healthcheck = Some(image::Healthcheck {
            test,
            interval: nanoseconds(schedule.interval),
            timeout: nanoseconds(schedule.timeout),
            start_period: nanoseconds(schedule.start_period),
            start_interval: nanoseconds(schedule.start_interval),
            retries: schedule.retries.into(),
        });
        Ok(())
    }

    pub(super) fn maintainer(&mut self, name: &str) -> Result<(), Wrong> {
        name.clone_into(&mut self.state.document.author);
        self.noted(format!("MAINTAINER {name}"), false)?;
        Ok(())
    }

    /// Keeps an instruction for images that stand on this one. BuildKit does not note it in the history.
    pub(super) fn onbuild(&mut self, text: &str) {
        self.state.document.config.on_build.push(text.to_owned());
    }

    pub(super) fn shell(&mut self, words: &[String]) -> Result<(), Wrong> {
        self.state.document.config.shell = words.to_vec();
        self.noted(format!("SHELL {}", text::list(words)), false)?;
        Ok(())
    }

    pub(super) fn stop_signal(&mut self, signal: &str, command: &Command) -> Result<(), Wrong> {
        let signal = self.value(signal, command)?;
        if !signal::is_signal(&signal) {
            return Err(
                Wrong::new(format!("`{signal}` is no signal")).hint("expected one such as `SIGTERM` or `15`")
            );
        }
        self.noted(format!("STOPSIGNAL {signal}"), false)?;
        self.state.document.config.stop_signal = signal;
        Ok(())
    }

    pub(super) fn user(&mut self, user: &str, command: &Command) -> Result<(), Wrong> {
        let user = self.value(user, command)?;
        self.noted(format!("USER {user}"), false)?;
        self.state.document.config.user = user;
        Ok(())
    }

    pub(super) fn volume(&mut self, paths: &[String], command: &Command) -> Result<(), Wrong> {
        let mut values = Vec::new();
        for path in paths {
            values.push(self.value(path, command)?);
        }
        if values.iter().any(String::is_empty) {
            return Err(Wrong::new("VOLUME specified can not be an empty string"));
        }
        self.noted(format!("VOLUME {}", text::list(&values)), false)?;
        let volumes = &mut self.state.document.config.volumes;
        volumes.extend(values.into_iter().map(|path| (path, Empty {})));
        Ok(())
    }

    pub(super) fn workdir(&mut self, path: &str, command: &Command) -> Result<(), Wrong> {
        let path = self.value(path, command)?;
        if !self.state.has_workdir && !path.starts_with('/') {
            let message = format!("where `{path}` is hangs on the base image: begin it with a slash");
            self.shared
                .checks
                .report("WorkdirRelativePath", command.lines, message);
        }
        self.state.has_workdir = true;
        let to = path::within(self.state.workdir(), &path);
        // What begins with a slash stays as it is written, as BuildKit leaves it.
        let noted = if path.starts_with('/') { &path } else { &to };
        self.state.document.config.working_dir.clone_from(noted);
        let has_layer = to != "/";
        self.noted(format!("WORKDIR {noted}"), has_layer)?;
        if has_layer {
            let op = Op::MakeFolder(MakeFolder {
                root: self.state.layers.clone(),
                path: to,
                user: self.state.document.config.user.clone(),
            });
            self.step(command, op)?;
        }
        Ok(())
    }
}

fn test(command: &CommandLine) -> Vec<String> {
    match command {
        CommandLine::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
        CommandLine::Exec(words) => std::iter::once("CMD".to_owned())
            .chain(words.iter().cloned())
            .collect(),
    }
}
