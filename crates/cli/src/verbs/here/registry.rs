//! `coracle registry`: who we are at image registries.

mod host;
mod login;
mod ls;
mod on_server;
mod rm;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use coracle_distribution::File;
use coracle_spec::{Class, Failure};

use crate::context::Context;
use crate::error::Error;

/// Log in to image registries, list and remove logins
///
/// Logins are kept in a file of this user, or by the server for functions that name them. What `docker login` has stored is
/// used too.
#[derive(Debug, Args)]
pub(crate) struct Registry {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Login(login::Login),
    Ls(ls::Ls),
    Rm(rm::Rm),
}

impl Registry {
    pub(super) async fn run(self, context: &Context) -> Result<(), Error> {
        match self.action {
            Action::Login(login) => login.run(context).await,
            Action::Ls(ls) => ls.run(context).await,
            Action::Rm(rm) => rm.run(context).await,
        }
    }
}

/// The user has no home.
#[derive(Debug, thiserror::Error)]
#[error("cannot store logins: neither `HOME` nor `XDG_CONFIG_HOME` is set")]
struct NoHome;

impl Failure for NoHome {
    fn class(&self) -> Class {
        Class::User
    }
}

/// Answers the file that logins are in.
fn file(context: &Context) -> Result<File, NoHome> {
    let path: Option<PathBuf> = context.settings.registries.file.clone();
    path.map(File::at).ok_or(NoHome)
}
