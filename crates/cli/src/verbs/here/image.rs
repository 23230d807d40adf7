//! `coracle image`: the images that have names here.

mod export;
mod inspect;
mod ls;
mod pull;
mod push;
mod rm;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::error::Error;

/// List, pull, push, export and remove images
///
/// An image gets a name here with `coracle build` or `coracle image pull`, and stays until the name is removed.
#[derive(Debug, Args)]
pub(crate) struct Image {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Ls(ls::Ls),
    Inspect(inspect::Inspect),
    Pull(pull::Pull),
    Push(push::Push),
    Export(export::Export),
    Rm(rm::Rm),
}

impl Image {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        match self.action {
            Action::Ls(ls) => ls.run(context),
            Action::Inspect(inspect) => inspect.run(context),
            Action::Pull(pull) => pull.run(context).await,
            Action::Push(push) => push.run(context).await,
            Action::Export(export) => export.run(context).await,
            Action::Rm(rm) => rm.run(context),
        }
    }
}
