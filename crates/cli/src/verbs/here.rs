//! Verbs that build or run something on this machine, which needs Linux. On other systems `elsewhere` stands for them.

mod base;
mod build;
mod cache;
mod dev;
mod doctor;
mod export;
mod image;
mod plan;
mod registry;
mod serve;
mod up;

use std::process::ExitCode;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;

/// What to do on this machine.
#[derive(Debug, Subcommand)]
pub(crate) enum VerbHere {
    Up(Box<up::Up>),
    Dev(Box<dev::Dev>),
    Plan(plan::Plan),
    Build(build::Build),
    Export(export::Export),
    Base(base::Base),
    Cache(cache::Cache),
    Image(image::Image),
    Registry(registry::Registry),
    Serve(serve::Serve),
    Doctor(doctor::Doctor),
}

impl VerbHere {
    /// Does it.
    pub(super) async fn run(self, context: &Context) -> Result<ExitCode, Error> {
        match self {
            Self::Up(up) => return Box::pin(up.run(context)).await,
            Self::Dev(dev) => return Box::pin(dev.run(context)).await,
            Self::Plan(plan) => plan.run(context).await?,
            Self::Build(build) => build.run(context).await?,
            Self::Export(export) => export.run(context).await?,
            Self::Base(base) => base.run(context).await?,
            Self::Cache(cache) => cache.run(context).await?,
            Self::Image(image) => image.run(context).await?,
            Self::Registry(registry) => registry.run(context).await?,
            Self::Serve(serve) => serve.run(context).await?,
            Self::Doctor(doctor) => return doctor.run(context).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}
