//! `coracle secret`: values that functions see as files.

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use coracle_spec::{Class, Failure, Namespace};

use crate::age;
use crate::args::{Remote, Reporting};
use crate::context::Context;
use crate::error::Error;
use crate::table::Table;

/// Set, list and remove secrets
///
/// A function that names a secret in its manifest sees the value as the file `/run/secrets/NAME`.
#[derive(Debug, Args)]
pub(crate) struct Secret {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Set(Set),
    Ls(Ls),
    Rm(Rm),
}

/// Set a secret to what stdin or a file holds
#[derive(Debug, Args)]
struct Set {
    /// The secret
    name: String,
    /// Read the value from FILE instead of stdin
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// List secrets, without their values
#[derive(Debug, Args)]
struct Ls {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    reporting: Reporting,
}

/// Remove a secret
#[derive(Debug, Args)]
struct Rm {
    /// The secret
    name: String,
    #[command(flatten)]
    place: Place,
}

/// Where secrets are.
#[derive(Debug, Args)]
struct Place {
    /// The namespace
    #[arg(long, short, default_value_t)]
    namespace: Namespace,
    #[command(flatten)]
    remote: Remote,
}

/// The value cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the secret's value")]
struct ValueError(#[source] io::Error);

impl Failure for ValueError {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Secret {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        match self.action {
            Action::Set(set) => set.run(context).await,
            Action::Ls(ls) => ls.run(context).await,
            Action::Rm(rm) => rm.run(context).await,
        }
    }
}

impl Set {
    async fn run(self, context: &Context) -> Result<(), Error> {
        let client = context.client(&self.place.remote)?;
        let value = self.value(context).map_err(ValueError)?;
        client
            .set_secret(&self.place.namespace, &self.name, value)
            .await?;
        context.printer.say(format_args!("set `{}`", self.name));
        Ok(())
    }

    fn value(&self, context: &Context) -> io::Result<Vec<u8>> {
        if let Some(file) = &self.from_file {
            return fs_err::read(file);
        }
        if io::stdin().is_terminal() {
            context.printer.insist("type the value, then Ctrl-D:");
        }
        let mut value = Vec::new();
        io::stdin().lock().read_to_end(&mut value)?;
        Ok(value)
    }
}

impl Ls {
    async fn run(self, context: &Context) -> Result<(), Error> {
        let client = context.client(&self.place.remote)?;
        let secrets = client.secrets(&self.place.namespace).await?;
        if self.reporting.json {
            return Ok(context.printer.json(&secrets)?);
        }
        if secrets.is_empty() {
            context
                .printer
                .say("no secrets yet: `coracle secret set NAME` sets one");
            return Ok(());
        }
        let mut table = Table::new(["NAME", "SET"]);
        for secret in secrets {
            table.row([secret.name, age::ago(secret.updated_at)]);
        }
        Ok(context.printer.line(table)?)
    }
}

impl Rm {
    async fn run(self, context: &Context) -> Result<(), Error> {
        let client = context.client(&self.place.remote)?;
        client.remove_secret(&self.place.namespace, &self.name).await?;
        context.printer.say(format_args!("removed `{}`", self.name));
        Ok(())
    }
}
