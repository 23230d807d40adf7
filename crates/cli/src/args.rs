//! What the command line may say.

use std::path::PathBuf;

use clap::{Args, Parser};

use crate::verbs::Verb;

/// Turns a source folder into a running HTTP function.
#[derive(Debug, Parser)]
#[command(
    name = "coracle",
    version,
    disable_help_subcommand = true,
    subcommand_value_name = "VERB",
    subcommand_required = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) everywhere: Everywhere,
}

/// Flags that every verb takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Everywhere {
    /// Keep images, caches and the server's state in DIR
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Say nothing but errors on stderr
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// Flags of verbs that talk to a server.
#[derive(Debug, Clone, Args)]
pub(crate) struct Remote {
    /// The server: `https://HOST:PORT`, `http://HOST:PORT` or `unix:PATH` [default: `CORACLE_SERVER`, the last login, this machine's]
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
}

/// Flags of verbs that report something.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Reporting {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
