//! Why a build failed.

use coracle_content::StoreError;
use coracle_oci::{ImageError, LayerError, UnpackError};
use coracle_plan::PlanError;
use coracle_spec::{Class, Failure};

use crate::carrier::CarrierError;
use crate::dockerfile::DockerfileBuildError;
use crate::folder::FolderError;
use crate::ground::GroundError;
use crate::lock_file::LockFileError;
use crate::log_tail::LogTail;
use crate::steps::base::BaseError;
use crate::steps::copy::CopyError;
use crate::steps::fetch::ToolError;
use crate::steps::image::PullError;
use crate::steps::place::PlaceError;
use crate::steps::run::RunError;

/// Why a build failed. Nothing of it is left but what later builds can use.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The source folder cannot be used.
    #[error("cannot read the source")]
    Folder(#[from] FolderError),
    /// The project's lock file cannot be used.
    #[error(transparent)]
    LockFile(#[from] LockFileError),
    /// No plan can be made of the source.
    #[error("cannot plan the build")]
    Plan(#[from] PlanError),
    /// A tool's version cannot be chosen.
    #[error("cannot choose the version of a tool")]
    Carrier(#[from] CarrierError),
    /// The packages of a base cannot be chosen.
    #[error("cannot choose the base")]
    Base(#[source] BaseError),
    /// The lock file is to be kept as it is, but lacks something.
    #[error("`coracle.lock` does not pin {}", missing.join(", "))]
    NotLocked {
        /// What it lacks.
        missing: Vec<String>,
    },
    /// A step failed.
    #[error("{}", place(step, excerpt.as_deref()))]
    Step {
        /// What the step does, in words.
        step: String,
        /// Where it comes from: a place in a Dockerfile, and below it the lines, marked.
        excerpt: Option<String>,
        /// Why it failed.
        source: Box<StepError>,
    },
    /// The Dockerfile cannot be used.
    #[error(transparent)]
    Dockerfile(Box<DockerfileBuildError>),
    /// The image cannot be assembled.
    #[error("cannot assemble the image")]
    Image(#[from] ImageError),
    /// The store refused.
    #[error("cannot use the content store")]
    Store(#[from] StoreError),
}

impl From<DockerfileBuildError> for BuildError {
    fn from(error: DockerfileBuildError) -> Self {
        Self::Dockerfile(Box::new(error))
    }
}

impl BuildError {
    /// Answers whether the archive no longer has what the lock file pins.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Step { source, .. } if matches!(&**source, StepError::Base(error) if error.is_gone()))
    }

    /// Answers what the failed step printed last.
    pub fn log(&self) -> Option<&LogTail> {
        match self {
            Self::Step { source, .. } => source.log(),
            _ => None,
        }
    }
}

impl Failure for BuildError {
    fn class(&self) -> Class {
        match self {
            Self::Folder(error) => error.class(),
            Self::LockFile(error) => error.class(),
            Self::Plan(error) => error.class(),
            Self::Carrier(error) => error.class(),
            Self::Base(error) => error.class(),
            Self::NotLocked { .. } => Class::User,
            Self::Step { source, .. } => source.class(),
            Self::Dockerfile(error) => error.class(),
            Self::Image(error) => error.class(),
            Self::Store(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Folder(error) => error.hint(),
            Self::LockFile(error) => error.hint(),
            Self::Plan(error) => error.hint(),
            Self::Carrier(error) => error.hint(),
            Self::Base(error) => error.hint(),
            Self::NotLocked { .. } => {
                Some("build once without `--locked` and commit `coracle.lock`".to_owned())
            }
            Self::Step { source, .. } => source.hint(),
            Self::Dockerfile(error) => error.hint(),
            Self::Image(error) => error.hint(),
            Self::Store(error) => error.hint(),
        }
    }
}

/// Says what failed, where, and below it the lines.
fn place(step: &str, excerpt: Option<&str>) -> String {
    match excerpt.map(|excerpt| excerpt.split_once('\n').unwrap_or((excerpt, ""))) {
        Some((place, lines)) => format!("{place}: {step} failed\n{}", lines.trim_end()),
        None => format!("{step} failed"),
    }
}

macro_rules! step_errors {
    ($($(#[$doc:meta])* $kind:ident($error:ty)),* $(,)?) => {
        /// Why a step failed.
        #[derive(Debug, thiserror::Error)]
        #[error(transparent)]
        pub enum StepError {
            $($(#[$doc])* $kind(#[from] $error)),*
        }

        impl Failure for StepError {
            fn class(&self) -> Class {
                match self { $(Self::$kind(error) => error.class()),* }
            }

            fn hint(&self) -> Option<String> {
                match self { $(Self::$kind(error) => error.hint()),* }
            }
        }
    };
}

step_errors! {
    /// A base cannot be assembled.
    Base(BaseError),
    /// A tool cannot be had.
    Tool(ToolError),
    /// A command failed.
    Run(RunError),
    /// The source cannot be copied.
    Copy(CopyError),
    /// The plan's own files cannot be written.
    Write(LayerError),
    /// A layer that the step stands on cannot be unpacked.
    Unpack(UnpackError),
    /// An image cannot be had.
    Pull(PullError),
    /// Files cannot be put into a root file system.
    Place(PlaceError),
    /// A root file system cannot be put together.
    Ground(GroundError),
    /// The store refused.
    Store(StoreError),
}

impl StepError {
    fn log(&self) -> Option<&LogTail> {
        match self {
            Self::Run(error) => error.log(),
            _ => None,
        }
    }
}
