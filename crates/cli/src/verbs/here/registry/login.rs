//! `coracle registry login`.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;

use clap::Args;
use coracle_distribution::{Credential, One, Secret};
use coracle_spec::{Class, Failure, RegistryName};

use super::host::Host;
use super::on_server;
use crate::args::Remote;
use crate::context::Context;
use crate::engine::open_store;
use crate::error::Error;
use crate::password;
use crate::registries;

/// Log in to an image registry
///
/// The password is read from stdin, or typed: a flag would show it in the process list. The registry is asked whether it is
/// right before anything is stored.
#[derive(Debug, Args)]
pub(super) struct Login {
    /// The registry
    #[arg(default_value = "docker.io")]
    host: Host,
    /// The user there
    #[arg(long, short)]
    username: String,
    /// Read the password from stdin, also from a terminal
    #[arg(long)]
    password_stdin: bool,
    /// Store the login on the server, for functions whose manifest says `registry: NAME`
    #[arg(long, value_name = "NAME")]
    name: Option<RegistryName>,
    #[command(flatten)]
    remote: Remote,
}

/// Why no password was read.
#[derive(Debug, thiserror::Error)]
enum PasswordError {
    #[error("cannot read the password")]
    Read(#[source] io::Error),
    #[error("the password is empty")]
    Empty,
    #[error("there is no terminal to type the password at")]
    NoTerminal,
}

impl Failure for PasswordError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::NoTerminal).then(|| {
            "give it on stdin: `coracle registry login HOST -u USER --password-stdin < FILE`".to_owned()
        })
    }
}

impl Login {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        match &self.name {
            Some(name) => self.on_server(name, context).await,
            None => self.here(context).await,
        }
    }

    /// Stores it on the server, which may reach registries that this machine does not.
    async fn on_server(&self, name: &RegistryName, context: &Context) -> Result<(), Error> {
        let client = context.client(&self.remote)?;
        let (host, user) = (self.host.registry()?, self.username.clone());
        on_server::store(&client, name, (host, user), &self.password(context)?).await?;
        let (printer, host) = (context.printer, &self.host);
        printer.say(format_args!("stored `{name}`: {host} as `{}`", self.username));
        Ok(())
    }

    async fn here(&self, context: &Context) -> Result<(), Error> {
        let file = super::file(context)?;
        let password = self.password(context)?;
        let credential = Credential::Basic {
            user: self.username.clone(),
            password: password.clone(),
        };
        let store = open_store(&context.settings)?;
        registries::client(context, &store)
            .with_credentials(Arc::new(One::at(self.host.name(), credential)))
            .check(self.host.name())
            .await?;
        file.store(self.host.name(), &self.username, &password)?;
        context
            .printer
            .say(format_args!("logged in to {} as `{}`", self.host, self.username));
        Ok(())
    }

    fn password(&self, context: &Context) -> Result<Secret, PasswordError> {
        let text = if self.password_stdin {
            let mut text = String::new();
            let read = io::stdin().lock().take(1 << 20).read_to_string(&mut text);
            read.map(|_| text)
        } else if io::stdin().is_terminal() {
            password::typed(context.printer)
        } else {
            return Err(PasswordError::NoTerminal);
        };
        let text = text.map_err(PasswordError::Read)?;
        let password = password::of_line(&text).ok_or(PasswordError::Empty)?;
        Ok(Secret::new(password))
    }
}
