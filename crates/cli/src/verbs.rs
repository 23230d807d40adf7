//! The verbs, one file each.

mod describe;
mod invoke;
mod login;
mod logs;
mod ls;
mod revisions;
mod rm;
mod secret;

use std::process::ExitCode;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Login(login::Login),
    Secret(secret::Secret),
    Ls(ls::Ls),
    Describe(describe::Describe),
    Revisions(revisions::Revisions),
    Invoke(invoke::Invoke),
    Logs(logs::Logs),
    Rm(rm::Rm),
}

impl Verb {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Error> {
        match self {
            Self::Login(login) => login.run(context).await?,
            Self::Secret(secret) => secret.run(context).await?,
            Self::Ls(ls) => ls.run(context).await?,
            Self::Describe(describe) => describe.run(context).await?,
            Self::Revisions(revisions) => revisions.run(context).await?,
            Self::Invoke(invoke) => return invoke.run(context).await,
            Self::Logs(logs) => logs.run(context).await?,
            Self::Rm(rm) => rm.run(context).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
