//! Why a command's layer cannot be had.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use coracle_content::StoreError;
use coracle_oci::{CaptureError, UnknownAccount};
use coracle_sandbox::{CreateError, Exit, SandboxError, StartError};
use coracle_spec::{ByteSize, Class, FREE_SPACE, Failure};

use crate::ground::GroundError;
use crate::log_tail::LogTail;
use crate::steps::place::PlaceError;

/// How many characters of a command an error shows.
const MOST_SHOWN: usize = 100;
/// What runs commands that are written without brackets, unless the image says otherwise.
const SHELL: &str = "/bin/sh";

/// Why a command's layer cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The command failed.
    #[error("`{}` ended with {exit}", shortened(command))]
    Command {
        /// The command.
        command: Vec<String>,
        /// How it ended.
        exit: Exit,
        /// What it printed last.
        log: LogTail,
    },
    /// The command took too long.
    #[error("`{}` did not end within {} s", shortened(command), limit.as_secs())]
    Timeout {
        /// The command.
        command: Vec<String>,
        /// How long it was given.
        limit: Duration,
        /// What it printed last.
        log: LogTail,
    },
    /// The command wrote too much.
    #[error("`{}` wrote more than {limit}", shortened(command))]
    Disk {
        /// The command.
        command: Vec<String>,
        /// What it may write.
        limit: ByteSize,
        /// What it printed last.
        log: LogTail,
    },
    /// The command failed, and there is no room left where it wrote.
    #[error("`{}` failed, and no space is left on the file system of `{}`", shortened(command), path.display())]
    Full {
        /// The command.
        command: Vec<String>,
        /// Where the store is.
        path: PathBuf,
        /// What it printed last.
        log: LogTail,
    },
    /// Another step failed, or the build was given up.
    #[error("the step was cancelled")]
    Cancelled,
    /// Its sandbox cannot be made.
    #[error("cannot make the step's sandbox")]
    Create(#[from] CreateError),
    /// The command cannot be started.
    #[error("cannot start the step's command")]
    Start(#[from] StartError),
    /// Its sandbox failed.
    #[error("the step's sandbox failed")]
    Sandbox(#[from] SandboxError),
    /// A file of the source that it reads cannot be staged.
    #[error("cannot stage what the step reads")]
    Stage(#[source] io::Error),
    /// A file of the source is no longer what it was when the build began.
    #[error("`{0}` changed while it was built")]
    Changed(String),
    /// What it wrote cannot be made into a layer.
    #[error("cannot capture what the step wrote")]
    Capture(#[from] CaptureError),
    /// A pattern of what is left out is none.
    #[error("the plan has an unusable pattern")]
    Pattern(#[from] globset::Error),
    /// The store refused.
    #[error("cannot use the store")]
    Store(#[from] StoreError),
    /// The root file system that it runs over cannot be looked at.
    #[error("cannot look at the step's root file system")]
    Root(#[source] io::Error),
    /// The root file system that it runs over cannot be put together.
    #[error(transparent)]
    Ground(Box<GroundError>),
    /// The user that it runs as is nobody.
    #[error(transparent)]
    User(#[from] UnknownAccount),
    /// A secret that it must have was not given.
    #[error("the secret `{0}` was not given")]
    NoSecret(String),
    /// A secret cannot be in a variable.
    #[error("the secret `{0}` is no text, which a variable must be")]
    SecretIsNoText(String),
    /// Too many commands use private copies of one cache.
    #[error("too many commands use the cache at once")]
    NoPrivateCache,
    /// A cache cannot be filled.
    #[error("cannot fill the cache")]
    Seed(#[from] Box<PlaceError>),
}

impl RunError {
    /// Answers what the command printed last.
    pub fn log(&self) -> Option<&LogTail> {
        match self {
            Self::Command { log, .. }
            | Self::Timeout { log, .. }
            | Self::Disk { log, .. }
            | Self::Full { log, .. } => Some(log),
            _ => None,
        }
    }
}

impl Failure for RunError {
    fn class(&self) -> Class {
        match self {
            Self::Command { .. }
            | Self::Timeout { .. }
            | Self::Disk { .. }
            | Self::Stage(_)
            | Self::User(_)
            | Self::NoSecret(_)
            | Self::SecretIsNoText(_) => Class::User,
            Self::Full { .. } | Self::NoPrivateCache => Class::Busy,
            Self::Changed(_) => Class::Conflict,
            Self::Cancelled => Class::Unavailable,
            Self::Create(error) => error.class(),
            Self::Start(error) => error.class(),
            Self::Sandbox(error) => error.class(),
            Self::Capture(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Pattern(_) | Self::Root(_) => Class::Internal,
            Self::Ground(error) => error.class(),
            Self::Seed(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Command {
                exit: Exit::OutOfMemory,
                ..
            } => Some(
                "give build steps more memory with `CORACLE_BUILD_MEMORY`, or end other programs".to_owned(),
            ),
            Self::Disk { .. } => {
                Some("give build steps more space with `CORACLE_BUILD_DISK`, or write less".to_owned())
            }
            Self::Full { .. } => Some(FREE_SPACE.to_owned()),
            Self::Changed(_) => Some("leave the folder alone while it is built, then build again".to_owned()),
            Self::User(_) => Some(
                "make the user in a RUN before USER, or name it by its number: `USER 1000:1000`".to_owned(),
            ),
            Self::NoSecret(id) => Some(format!(
                "give it with `coracle build --secret id={id},src=FILE`, or `build.secrets` in `coracle.yaml`"
            )),
            Self::Create(error) => error.hint(),
            Self::Start(error) => without_shell(error).or_else(|| error.hint()),
            Self::Sandbox(error) => error.hint(),
            Self::Capture(error) => error.hint(),
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}

/// Says what to do where a command needs a shell and the image has none.
fn without_shell(error: &StartError) -> Option<String> {
    let is_missing = error.class() == Class::User && error.program == SHELL;
    is_missing.then(|| {
        "without a shell only the form `RUN [\"program\", \"argument\"]` runs: do it so, or in an earlier stage \
         that has a shell, and `COPY --from` there"
            .to_owned()
    })
}

/// Answers the start of a command, for people: its script may have many lines, and the plan shows them all.
fn shortened(command: &[String]) -> String {
    let command = command.join(" ");
    let start: String = command
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(MOST_SHOWN)
        .collect();
    let rest = if start.len() < command.len() { "…" } else { "" };
    start + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_start_of_its_command() {
        let long = "x".repeat(2 * MOST_SHOWN);
        for (command, shown) in [
            (["npm", "ci"], "npm ci".to_owned()),
            (["sh", "first\nsecond"], "sh first…".to_owned()),
            (["é", &long], format!("é {}…", &long[..MOST_SHOWN - 2])),
        ] {
            assert_eq!(shortened(&command.map(str::to_owned)), shown);
        }
    }
}
