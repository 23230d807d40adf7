//! The verbs, one file each; those that need Linux are in [`here`].

mod completions;
mod deploy;
mod describe;
#[cfg(not(all(feature = "engine", target_os = "linux")))]
mod elsewhere;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod here;
mod invoke;
mod login;
mod logs;
mod ls;
mod man;
mod new;
mod revisions;
mod rm;
mod rollback;
mod runtimes;
pub(crate) mod scale;
mod secret;

use std::process::ExitCode;

use clap::Subcommand;

#[cfg(not(all(feature = "engine", target_os = "linux")))]
use self::elsewhere::VerbHere;
#[cfg(all(feature = "engine", target_os = "linux"))]
use self::here::VerbHere;
use crate::context::Context;
use crate::error::Error;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    New(new::New),
    Runtimes(runtimes::Runtimes),
    #[command(flatten)]
    Here(VerbHere),
    Login(login::Login),
    Secret(secret::Secret),
    Deploy(deploy::Deploy),
    Ls(ls::Ls),
    Describe(describe::Describe),
    Revisions(revisions::Revisions),
    Rollback(rollback::Rollback),
    Scale(scale::Scale),
    Invoke(invoke::Invoke),
    Logs(logs::Logs),
    Rm(rm::Rm),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Verb {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Error> {
        match self {
            Self::New(new) => new.run(context).await?,
            Self::Runtimes(runtimes) => runtimes.run(context).await?,
            Self::Here(verb) => return Box::pin(verb.run(context)).await,
            Self::Login(login) => login.run(context).await?,
            Self::Secret(secret) => secret.run(context).await?,
            Self::Deploy(deploy) => deploy.run(context).await?,
            Self::Ls(ls) => ls.run(context).await?,
            Self::Describe(describe) => describe.run(context).await?,
            Self::Revisions(revisions) => revisions.run(context).await?,
            Self::Rollback(rollback) => rollback.run(context).await?,
            Self::Scale(scale) => scale.run(context).await?,
            Self::Invoke(invoke) => return invoke.run(context).await,
            Self::Logs(logs) => logs.run(context).await?,
            Self::Rm(rm) => rm.run(context).await?,
            Self::Completions(completions) => completions.run(context)?,
            Self::Man(man) => man.run(context)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
