//! Verbs that build or run on the machine itself, on systems that cannot.

use std::ffi::OsString;

use clap::Args;
use coracle_spec::{Class, Failure};

use crate::error::Error;

/// A verb with whatever follows it.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Elsewhere {
    /// Whatever follows
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<OsString>,
}

/// The verb needs another system.
#[derive(Debug, thiserror::Error)]
#[error("this needs Linux: sandboxes are made by its kernel")]
struct NeedsLinux;

impl Failure for NeedsLinux {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("`coracle deploy --remote` builds on a server and runs there".to_owned())
    }
}

impl Elsewhere {
    /// Says that it cannot.
    pub(super) fn run(self) -> Result<(), Error> {
        drop(self.rest);
        Err(NeedsLinux.into())
    }
}
