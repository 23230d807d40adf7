//! Why files cannot be put into a root file system.

use std::io;
use std::path::{Path, PathBuf};

use coracle_content::StoreError;
use coracle_fetch::FetchError;
use coracle_oci::tar::TarError;
use coracle_plan::patterns::InvalidPattern;
use coracle_spec::{Class, FREE_SPACE, Failure};

use crate::ground::GroundError;

/// Why files cannot be put into a root file system.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A source is not there.
    #[error("`{0}` is not there")]
    NotFound(String),
    /// A file of the context is no longer what it was when the build began.
    #[error("`{}` changed while it was built", .0.display())]
    Changed(PathBuf),
    /// Something cannot be made where it should go.
    #[error("cannot put anything at `{}`", path.display())]
    Put {
        /// Where, in the root.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file would replace a folder.
    #[error("a file cannot replace the folder `{}`", .0.display())]
    ReplacesFolder(PathBuf),
    /// A folder would replace something else.
    #[error("a folder cannot replace `{}`, which is none", .0.display())]
    ReplacesFile(PathBuf),
    /// The sources cannot be looked at.
    #[error("cannot read the sources")]
    Read(#[from] io::Error),
    /// A pattern is none.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// `--chmod` says nothing that can be done.
    #[error("`{0}` are no permissions")]
    Mode(String),
    /// An archive cannot be unpacked.
    #[error("cannot unpack `{}`", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why not.
        source: TarError,
    },
    /// An archive's entry is refused.
    #[error("the archive's entry `{entry}` is refused: {reason}")]
    Entry {
        /// The entry.
        entry: String,
        /// Why.
        reason: &'static str,
    },
    /// A file cannot be downloaded.
    #[error("cannot download it")]
    Download(#[from] FetchError),
    /// A file of a web server is not what was said.
    #[error("`{url}` has checksum `{found}`, not `{expected}`")]
    Checksum {
        /// Where it is.
        url: String,
        /// What it hashes to.
        found: String,
        /// What was said.
        expected: String,
    },
    /// The build was given up.
    #[error("the step was cancelled")]
    Cancelled,
    /// The root file system cannot be put together, or what changed not be captured.
    #[error(transparent)]
    Ground(#[from] GroundError),
    /// The store refused.
    #[error("cannot use the store")]
    Store(#[from] StoreError),
}

impl PlaceError {
    /// Says where something cannot be made.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Put {
            path: Path::new("/").join(path),
            source,
        }
    }
}

impl Failure for PlaceError {
    fn class(&self) -> Class {
        match self {
            Self::Put { source, .. } | Self::Read(source) if source.kind() == io::ErrorKind::StorageFull => {
                Class::Busy
            }
            Self::Changed(_) => Class::Conflict,
            Self::Cancelled => Class::Unavailable,
            Self::Download(error) => error.class(),
            Self::Ground(error) => error.class(),
            Self::Store(error) => error.class(),
            _ => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Put { .. } | Self::Read(_) if self.class() == Class::Busy => Some(FREE_SPACE.to_owned()),
            Self::NotFound(_) => Some(
                "paths are relative to the build's context, and its ignore file may leave them out"
                    .to_owned(),
            ),
            Self::Changed(_) => Some("leave the folder alone while it is built, then build again".to_owned()),
            Self::Mode(_) => Some("write them as `755` or `u=rwX,go=rX`".to_owned()),
            Self::Download(error) => error.hint(),
            Self::Ground(error) => error.hint(),
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}
