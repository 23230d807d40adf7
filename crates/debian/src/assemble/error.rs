//! Why a base cannot be assembled.

use std::io;

use coracle_content::StoreError;
use coracle_fetch::FetchError;
use coracle_oci::{CaptureError, UnpackError as LayerUnpackError};
use coracle_spec::{Class, FREE_SPACE, Failure};

use crate::fixes::FixError;
use crate::recipe::RECIPE_VERSION;
use crate::unpack::UnpackError;
use crate::version::Version;

/// Why a base cannot be assembled.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// A locked file is no longer in the archive, which keeps only the newest versions for ever.
    #[error("version {version} of the Debian package `{package}` is no longer in the archive")]
    Gone {
        /// The package.
        package: String,
        /// The locked version.
        version: Version,
        /// The server's answer.
        source: Box<FetchError>,
    },
    /// A file could not be fetched, or is not the one that was locked.
    #[error("cannot fetch the Debian package `{package}`")]
    Fetch {
        /// The package.
        package: String,
        /// What failed.
        source: Box<FetchError>,
    },
    /// A package could not be unpacked.
    #[error("cannot unpack the Debian package `{package}`")]
    Package {
        /// The package.
        package: String,
        /// What failed.
        source: UnpackError,
    },
    /// What maintainer scripts would have done could not be done.
    #[error("cannot complete the base")]
    Fix(#[from] FixError),
    /// A tree in the making could not be used.
    #[error("cannot write the base")]
    Tree(#[source] io::Error),
    /// A layer could not be written.
    #[error("cannot write a layer of the base")]
    Layer(#[from] CaptureError),
    /// A layer could not be unpacked again.
    #[error("cannot unpack a layer of the base")]
    Unpack(#[from] LayerUnpackError),
    /// The store failed.
    #[error("cannot keep the base")]
    Store(#[from] StoreError),
    /// The lock was made by a recipe that this program does not have.
    #[error("the base is locked by recipe version {0}, this program has version {RECIPE_VERSION}")]
    OtherRecipe(u32),
    /// The caller lost interest.
    #[error("assembling the base was cancelled")]
    Cancelled,
}

impl AssembleError {
    /// Answers whether the packages must be chosen anew, since the locked ones can no longer be had.
    pub fn is_stale_lock(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::OtherRecipe(_))
    }

    /// Answers the error of the file system beneath, if there is one.
    fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Package {
                source: UnpackError::Write { source, .. },
                ..
            }
            | Self::Tree(source)
            | Self::Fix(FixError::Io { source, .. }) => Some(source),
            _ => None,
        }
    }
}

impl Failure for AssembleError {
    fn class(&self) -> Class {
        match self {
            Self::Gone { .. } | Self::OtherRecipe(_) => Class::Conflict,
            Self::Fetch { source, .. } => source.class(),
            Self::Layer(source) => source.class(),
            Self::Unpack(source) => source.class(),
            Self::Store(source) => source.class(),
            Self::Cancelled => Class::Unavailable,
            Self::Package { .. } | Self::Fix(_) | Self::Tree(_) => match self.io().map(io::Error::kind) {
                Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Class::Busy,
                Some(io::ErrorKind::PermissionDenied) => Class::Denied,
                _ => Class::Internal,
            },
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Gone { .. } | Self::OtherRecipe(_) => {
                "build without `--locked` to choose the packages anew, and commit the new coracle.lock"
            }
            Self::Fetch { source, .. } => return source.hint(),
            Self::Layer(source) => return source.hint(),
            Self::Unpack(source) => return source.hint(),
            Self::Store(source) => return source.hint(),
            _ => match self.class() {
                Class::Busy => FREE_SPACE,
                Class::Denied => "run as root: the files of a base belong to several users",
                _ => return None,
            },
        };
        Some(hint.to_owned())
    }
}
