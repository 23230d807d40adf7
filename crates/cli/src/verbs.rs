//! The verbs, one file each.

#[cfg(all(feature = "engine", target_os = "linux"))]
mod base;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod build;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod cache;
mod completions;
mod deploy;
mod describe;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod dev;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod doctor;
#[cfg(not(all(feature = "engine", target_os = "linux")))]
mod elsewhere;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod export;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod image;
mod invoke;
mod login;
mod logs;
mod ls;
mod man;
mod new;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod plan;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod registry;
mod revisions;
mod rm;
mod rollback;
mod runtimes;
pub(crate) mod scale;
mod secret;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod serve;
#[cfg(all(feature = "engine", target_os = "linux"))]
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
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Up(Box<up::Up>),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Up(elsewhere::Elsewhere),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Dev(Box<dev::Dev>),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Dev(elsewhere::Elsewhere),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Plan(plan::Plan),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Plan(elsewhere::Elsewhere),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Build(build::Build),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Build(elsewhere::Elsewhere),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Export(export::Export),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Export(elsewhere::Elsewhere),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Base(base::Base),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Base(elsewhere::Elsewhere),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Cache(cache::Cache),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Cache(elsewhere::Elsewhere),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Image(image::Image),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Image(elsewhere::Elsewhere),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Registry(registry::Registry),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Registry(elsewhere::Elsewhere),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Serve(serve::Serve),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Serve(elsewhere::Elsewhere),
    Login(login::Login),
    Secret(secret::Secret),
    Deploy(deploy::Deploy),
    Ls(ls::Ls),
    Describe(describe::Describe),
    #[cfg(all(feature = "engine", target_os = "linux"))]
    Doctor(doctor::Doctor),
    #[cfg(not(all(feature = "engine", target_os = "linux")))]
    /// (only on Linux)
    Doctor(elsewhere::Elsewhere),
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
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Up(up) => return Box::pin(up.run(context)).await,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Dev(dev) => return Box::pin(dev.run(context)).await,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Plan(plan) => plan.run(context).await?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Build(build) => build.run(context).await?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Export(export) => export.run(context).await?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Base(base) => base.run(context).await?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Cache(cache) => cache.run(context).await?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Image(image) => image.run(context).await?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Registry(registry) => registry.run(context).await?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
            Self::Serve(serve) => serve.run(context).await?,
            #[cfg(not(all(feature = "engine", target_os = "linux")))]
            Self::Up(verb)
            | Self::Dev(verb)
            | Self::Plan(verb)
            | Self::Build(verb)
            | Self::Export(verb)
            | Self::Base(verb)
            | Self::Cache(verb)
            | Self::Image(verb)
            | Self::Registry(verb)
            | Self::Serve(verb)
            | Self::Doctor(verb) => verb.run()?,
            Self::Login(login) => login.run(context).await?,
            Self::Secret(secret) => secret.run(context).await?,
            Self::Deploy(deploy) => deploy.run(context).await?,
            Self::Ls(ls) => ls.run(context).await?,
            Self::Describe(describe) => describe.run(context).await?,
            Self::Revisions(revisions) => revisions.run(context).await?,
            Self::Rollback(rollback) => rollback.run(context).await?,
            Self::Scale(scale) => scale.run(context).await?,
            #[cfg(all(feature = "engine", target_os = "linux"))]
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
