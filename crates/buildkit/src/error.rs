//! Why a build by BuildKit failed.

use std::error::Error;
use std::time::Duration;

use coracle_build::LogTail;
use coracle_content::StoreError;
use coracle_oci::ImportError;
use coracle_spec::{Class, Failure};
use tonic::{Code, Status};

use crate::dial::DialError;
use crate::engine::EngineError;
use crate::origin::Origin;

/// Why a build by BuildKit failed. It leaves no image.
#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    /// BuildKit cannot be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The connection is there, but nobody who speaks BuildKit's protocol is.
    #[error("cannot talk to BuildKit at `{address}`")]
    Talk {
        /// Where.
        address: String,
        /// What the protocol says.
        source: Refusal,
    },
    /// The context, or what is beside the Dockerfile, is no folder.
    #[error("`{}` is not a folder", .0.display())]
    NotAFolder(std::path::PathBuf),
    /// BuildKit says that the build failed.
    #[error("the build by BuildKit failed{origin}")]
    Failed {
        /// Which lines it failed at, if BuildKit says so.
        origin: Origin,
        /// What it says.
        source: Box<Refusal>,
        /// What the failing step printed last.
        log: Option<LogTail>,
    },
    /// It takes longer than a build may.
    #[error("the build by BuildKit did not end within {} min", .0.as_secs() / 60)]
    Late(Duration),
    /// The caller gave up.
    #[error("the build was given up")]
    Cancelled,
    /// A Docker Engine does not give the image away.
    #[error("cannot take the image from the Docker Engine")]
    Engine(#[from] EngineError),
    /// What BuildKit hands over is no image.
    #[error("cannot take the image that BuildKit built")]
    Import(#[from] ImportError),
    /// BuildKit ends the build without having handed an image over.
    #[error("BuildKit ended the build and handed no image over")]
    NoImage,
    /// The store refused.
    #[error("cannot use the content store")]
    Store(#[from] StoreError),
}

/// What BuildKit says of what it does not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    code: Code,
    message: String,
}

impl Refusal {
    pub(crate) fn of(status: &Status) -> Self {
        // What the other side says has no cause on this one: this is the connection's.
        match status.source() {
            Some(cause) => Self {
                code: Code::Unavailable,
                message: sentence(cause),
            },
            None => Self {
                code: status.code(),
                message: message(status),
            },
        }
    }
}

fn message(status: &Status) -> String {
    match status.message() {
        "" => status.code().description().to_owned(),
        message => message.trim_start_matches("failed to solve: ").to_owned(),
    }
}

impl Failure for Refusal {
    fn class(&self) -> Class {
        match self.code {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Internal => {
                Class::Unavailable
            }
            Code::ResourceExhausted => Class::Busy,
            Code::PermissionDenied | Code::Unauthenticated => Class::Denied,
            _ => Class::User,
        }
    }
}

impl SolveError {
    /// Answers what the failed step printed last.
    pub fn log(&self) -> Option<&LogTail> {
        match self {
            Self::Failed { log, .. } => log.as_ref(),
            _ => None,
        }
    }
}

impl Failure for SolveError {
    fn class(&self) -> Class {
        match self {
            Self::Dial(error) => error.class(),
            Self::Failed { source, .. } => source.class(),
            Self::Engine(error) => error.class(),
            Self::Import(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::NotAFolder(_) => Class::User,
            Self::Talk { .. } | Self::Late(_) | Self::Cancelled | Self::NoImage => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Dial(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Import(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Talk { .. } => {
                Some("look whether it is a BuildKit that listens there, and whether it wants TLS".to_owned())
            }
            Self::Failed { source, .. } if source.class() == Class::Unavailable => {
                Some("look whether it still runs; its log may say more".to_owned())
            }
            _ => None,
        }
    }
}

/// Answers an error and its causes in one line, for BuildKit.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
