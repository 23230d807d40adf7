//! A function as people read it: how it does first, then what it is made of, then what happened.

use std::fmt::{self, Formatter, Write as _};

use coracle_api::types::{FunctionDetail, RevisionView};
use coracle_spec::revision::{Health, RevisionConfig};

use crate::age;
use crate::table::Table;
use crate::verbs::scale::Told;

/// A function as people read it.
pub(super) struct Page<'a>(pub(super) &'a FunctionDetail);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        if let Some(revision) = &self.0.revision {
            self.made_of(f, revision)?;
            self.configured(f, &revision.config)?;
        }
        self.instances(f)?;
        self.failure(f)?;
        self.exits(f)?;
        self.lines(f)?;
        self.events(f)?;
        self.hints(f)
    }
}

impl Page<'_> {
    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(function) = self;
        write!(f, "name       {}", function.function)?;
        field(
            f,
            "state",
            format_args!("{}: {}", function.state, function.reason),
        )?;
        field(f, "url", &function.url)?;
        match function.failed_revision {
            Some(number) => field(
                f,
                "failed",
                format_args!("revision {number}, the newest, was never ready"),
            ),
            None => Ok(()),
        }
    }

    fn made_of(&self, f: &mut Formatter<'_>, revision: &RevisionView) -> fmt::Result {
        let by = revision.author.iter().map(|author| format!(" by {author}"));
        let by: String = by.collect();
        let when = age::ago(revision.created_at);
        field(
            f,
            "revision",
            format_args!("{}, deployed {when}{by}", revision.number),
        )?;
        field(f, "image", revision.image)?;
        if let Some(reference) = &revision.reference {
            write!(f, ", {reference}")?;
        }
        match &self.0.image {
            Some(image) => {
                write!(f, ", {}", megabytes(image.size))?;
                field(f, "command", image.command.join(" "))?;
                field(f, "port", image.port)
            }
            None => f.write_str(", no longer in the store"),
        }
    }

    fn configured(&self, f: &mut Formatter<'_>, config: &RevisionConfig) -> fmt::Result {
        let Self(function) = self;
        let scale = function.scale.as_ref().unwrap_or(&config.scale);
        field(f, "scale", Told(scale))?;
        if function.rescaled {
            f.write_str(" (changed since the deploy)")?;
        }
        field(f, "limits", limits(config))?;
        field(f, "health", health(&config.health))?;
        let env: Vec<&str> = config.env.keys().map(String::as_str).collect();
        list(f, "env", &env)?;
        let secrets: Vec<&str> = config.secrets.iter().map(String::as_str).collect();
        list(f, "secrets", &secrets)?;
        if function.spare {
            field(f, "spare", "a sandbox is ready for the next start")?;
        }
        let queue = function.queue;
        if queue.waiting > 0 {
            let wait = format_args!(
                "{} requests wait, the first for {} ms",
                queue.waiting, queue.longest_ms
            );
            field(f, "queue", wait)?;
        }
        Ok(())
    }

    fn instances(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.instances.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(["INSTANCE", "REVISION", "STATE", "REQUESTS", "AGE"]);
        for instance in &self.0.instances {
            table.row([
                instance.id.clone(),
                instance.revision.to_string(),
                instance.state.clone(),
                instance.in_flight.to_string(),
                age::rough(instance.age_seconds),
            ]);
        }
        write!(f, "\n\n{table}")
    }

    fn failure(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(failure) = &self.0.last_failure else {
            return Ok(());
        };
        let when = age::ago(failure.at);
        write!(
            f,
            "\n\nlast failed start: revision {}, {when}\n  {}",
            failure.revision, failure.cause
        )?;
        failure.said.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }

    fn exits(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.exits.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(["ENDED", "REVISION", "INSTANCE", "HOW"]);
        for exit in &self.0.exits {
            table.row([
                age::ago(exit.at),
                exit.revision.to_string(),
                exit.instance.clone(),
                exit.how.clone(),
            ]);
        }
        write!(f, "\n\n{table}")
    }

    fn lines(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.lines.is_empty() {
            return Ok(());
        }
        f.write_str("\n\nlast lines:")?;
        let lines = self.0.lines.iter();
        lines
            .into_iter()
            .try_for_each(|line| write!(f, "\n  | {}", line.text))
    }

    fn events(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.events.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(["WHEN", "EVENT", "MESSAGE"]);
        for event in &self.0.events {
            table.row([age::ago(event.at), event.kind.clone(), event.message.clone()]);
        }
        write!(f, "\n\n{table}")
    }

    fn hints(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.0.hints.is_empty() {
            f.write_char('\n')?;
        }
        self.0
            .hints
            .iter()
            .try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

fn field(f: &mut Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    write!(f, "\n{name:<10} {value}")
}

fn list(f: &mut Formatter<'_>, name: &str, values: &[&str]) -> fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    field(f, name, values.join(", "))
}

fn limits(config: &RevisionConfig) -> String {
    let resources = &config.resources;
    let cpu = resources
        .cpu
        .map_or_else(|| "any".to_owned(), |cpu| cpu.to_string());
    format!(
        "memory {}, cpu {cpu}, {} processes, disk {}, {} a request",
        resources.memory, resources.pids, resources.disk, config.timeout.request
    )
}

fn health(health: &Health) -> String {
    match &health.path {
        Some(path) => format!(
            "{path} answers below 400 within {}, every {}",
            health.grace, health.interval
        ),
        None => format!("the port accepts connections within {}", health.grace),
    }
}

/// Says a number of bytes in megabytes with one decimal.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests;
