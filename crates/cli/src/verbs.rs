//! The verbs, one file each.

mod base;
mod build;
mod cache;
mod completions;
mod deploy;
mod describe;
mod dev;
mod doctor;
mod invoke;
mod login;
mod logs;
mod ls;
mod man;
mod new;
mod plan;
mod revisions;
mod rm;
mod rollback;
mod runtimes;
pub(crate) mod scale;
mod secret;
mod serve;
mod up;

use std::process::ExitCode;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    New(new::New),
    Runtimes(runtimes::Runtimes),
    Up(Box<up::Up>),
    Dev(Box<dev::Dev>),
    Plan(plan::Plan),
    Build(build::Build),
    Base(base::Base),
    Cache(cache::Cache),
    Serve(serve::Serve),
    Login(login::Login),
    Secret(secret::Secret),
    Deploy(deploy::Deploy),
    Ls(ls::Ls),
    Describe(describe::Describe),
    Doctor(doctor::Doctor),
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
            Self::Up(up) => return up.run(context).await,
            Self::Dev(dev) => return Box::pin(dev.run(context)).await,
            Self::Plan(plan) => plan.run(context).await?,
            Self::Build(build) => build.run(context).await?,
            Self::Base(base) => base.run(context).await?,
            Self::Cache(cache) => cache.run(context).await?,
            Self::Serve(serve) => serve.run(context).await?,
            Self::Login(login) => login.run(context).await?,
            Self::Secret(secret) => secret.run(context).await?,
            Self::Deploy(deploy) => deploy.run(context).await?,
            Self::Ls(ls) => ls.run(context).await?,
            Self::Describe(describe) => describe.run(context).await?,
            Self::Revisions(revisions) => revisions.run(context).await?,
            Self::Rollback(rollback) => rollback.run(context).await?,
            Self::Scale(scale) => scale.run(context).await?,
            Self::Doctor(doctor) => return doctor.run(context).await,
            Self::Invoke(invoke) => return invoke.run(context).await,
            Self::Logs(logs) => logs.run(context).await?,
            Self::Rm(rm) => rm.run(context).await?,
            Self::Completions(completions) => completions.run(context)?,
            Self::Man(man) => man.run(context)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
