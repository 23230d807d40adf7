//! Why a Dockerfile cannot be used.

use std::io;
use std::path::PathBuf;

use coracle_plan::DockerfileError;
use coracle_plan::patterns::InvalidPattern;
use coracle_spec::{Class, Failure};

use crate::steps::image::PullError;

/// Why a Dockerfile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DockerfileBuildError {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no text.
    #[error("`{}` is no text", .0.display())]
    NotText(PathBuf),
    /// The folder that it copies from lies elsewhere.
    #[error("the context `{}` is not in the project's folder", .0.display())]
    Outside(PathBuf),
    /// The ignore file has a pattern that is none.
    #[error("cannot use `{}`", path.display())]
    Ignore {
        /// The ignore file.
        path: PathBuf,
        /// The pattern.
        source: InvalidPattern,
    },
    /// It makes no sense.
    #[error(transparent)]
    Plan(#[from] Box<DockerfileError>),
    /// An image that it names cannot be had.
    #[error("{place}")]
    Image {
        /// Where it is named.
        place: Box<DockerfileError>,
        /// Why not.
        source: Box<PullError>,
    },
    /// Images name images that name images, without an end.
    #[error("the images' own instructions name further images without an end")]
    TooDeep,
}

impl From<DockerfileError> for DockerfileBuildError {
    fn from(error: DockerfileError) -> Self {
        Self::Plan(Box::new(error))
    }
}

impl Failure for DockerfileBuildError {
    fn class(&self) -> Class {
        match self {
            Self::Plan(error) => error.class(),
            Self::Image { source, .. } => source.class(),
            _ => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("name the Dockerfile with `--file FILE`".to_owned()),
            Self::Plan(error) => error.hint(),
            Self::Image { place, source } => place.hint().or_else(|| source.hint()),
            _ => None,
        }
    }
}
