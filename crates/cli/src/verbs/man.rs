//! `coracle man`: the help as manual pages, one a verb, for packages.

use std::io;
use std::path::PathBuf;

use clap::Args;
use coracle_spec::{Class, Failure};

use crate::context::Context;
use crate::error::Error;
use crate::help;

/// Write the manual pages into a folder, one for each verb
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder, such as /usr/local/share/man/man1
    dir: PathBuf,
}

/// The pages cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the manual pages")]
struct ManError(#[from] io::Error);

impl Failure for ManError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("name a folder that you may write to".to_owned())
    }
}

impl Man {
    pub(super) fn run(self, context: &Context) -> Result<(), Error> {
        fs_err::create_dir_all(&self.dir).map_err(ManError)?;
        clap_mangen::generate_to(help::command(), &self.dir).map_err(ManError)?;
        let written = self.dir.display();
        context
            .printer
            .say(format_args!("wrote the manual pages to `{written}`"));
        Ok(())
    }
}
