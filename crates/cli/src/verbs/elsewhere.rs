//! Verbs that build or run something on the machine itself, on systems that cannot: they are there, and say what is to be
//! done instead.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use coracle_spec::{Class, Failure};

use crate::context::Context;
use crate::error::Error;

/// What to do on this machine.
#[derive(Debug, Subcommand)]
pub(crate) enum VerbHere {
    /// (only on Linux)
    Up(Whatever),
    /// (only on Linux)
    Dev(Whatever),
    /// (only on Linux)
    Plan(Whatever),
    /// (only on Linux)
    Build(Whatever),
    /// (only on Linux)
    Export(Whatever),
    /// (only on Linux)
    Base(Whatever),
    /// (only on Linux)
    Cache(Whatever),
    /// (only on Linux)
    Image(Whatever),
    /// (only on Linux)
    Registry(Whatever),
    /// (only on Linux)
    Serve(Whatever),
    /// (only on Linux)
    Doctor(Whatever),
}

/// What follows a verb.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Whatever {
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

impl VerbHere {
    /// Says that it cannot.
    #[expect(clippy::unused_async, reason = "where there are sandboxes, it waits")]
    pub(super) async fn run(self, _: &Context) -> Result<ExitCode, Error> {
        Err(NeedsLinux.into())
    }
}
