//! `coracle registry rm`.

use std::str::FromStr;

use clap::Args;
use coracle_spec::{Class, Failure, RegistryName};

use super::host::Host;
use crate::args::Remote;
use crate::context::Context;
use crate::error::Error;

/// Forget the login at a registry, or one that the server keeps
#[derive(Debug, Args)]
pub(super) struct Rm {
    /// The registry, or the name of a login on the server
    #[arg(value_name = "HOST|NAME")]
    which: Which,
    #[command(flatten)]
    remote: Remote,
}

/// A login of this user, or one that the server keeps. Hosts have a dot or a port, names have none.
#[derive(Debug, Clone)]
enum Which {
    Own(Host),
    Stored(RegistryName),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let stored = text.parse().map(Self::Stored);
        text.parse()
            .map(Self::Own)
            .or_else(|error| stored.map_err(|_| error))
    }
}

/// There is no login at that registry.
#[derive(Debug, thiserror::Error)]
#[error("there is no login at `{0}`")]
struct Unknown(Host);

impl Failure for Unknown {
    fn class(&self) -> Class {
        Class::NotFound
    }

    fn hint(&self) -> Option<String> {
        Some("`coracle registry ls` lists them; those of Docker are Docker's: `docker logout`".to_owned())
    }
}

impl Rm {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        match self.which {
            Which::Own(host) => forget(host, context),
            Which::Stored(name) => {
                context.client(&self.remote)?.remove_registry(&name).await?;
                context
                    .printer
                    .say(format_args!("removed `{name}` from the server"));
                Ok(())
            }
        }
    }
}

fn forget(host: Host, context: &Context) -> Result<(), Error> {
    if !super::file(context)?.remove(host.name())? {
        return Err(Unknown(host).into());
    }
    context.printer.say(format_args!("forgot the login at {host}"));
    Ok(())
}
