//! What can go wrong in the store.

use std::io;
use std::path::{Path, PathBuf};

use coracle_spec::{Class, Digest, FREE_SPACE, Failure};

/// Why an operation on the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// Which file or directory it was tried on.
        path: PathBuf,
        /// What the file system answered.
        source: io::Error,
    },
    /// The disk or the quota is used up.
    #[error("no space left on the file system of `{path}`")]
    Full {
        /// What was being written.
        path: PathBuf,
        /// What the file system answered.
        source: io::Error,
    },
    /// Another version of the program laid the store out.
    #[error("the store at `{path}` has layout version `{found}`, this program knows version `{known}`")]
    Version {
        /// The store's root.
        path: PathBuf,
        /// The version that the store says.
        found: String,
        /// The version of this program.
        known: &'static str,
    },
    /// What arrived is not what was expected.
    #[error("the content has digest `{found}`, expected `{expected}`")]
    Mismatch {
        /// The digest that the caller gave.
        expected: Digest,
        /// The digest of what was written.
        found: Digest,
    },
    /// A blob that another one refers to is not in the store.
    #[error("blob `{digest}` is not in the store")]
    Missing {
        /// The blob's digest.
        digest: Digest,
    },
    /// A blob is larger than its reader takes.
    #[error("blob `{digest}` has {size} bytes, more than the {limit} that are read at once")]
    TooLarge {
        /// The blob's digest.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// Somebody else writes to an upload just now.
    #[error("another request writes to this upload")]
    Writing,
    /// The name of a cache is no plain file name.
    #[error(
        "`{name}` is not a cache name: expected 1 to 100 letters, digits, `.`, `_` and `-`, not starting with `.`"
    )]
    CacheName {
        /// The name.
        name: String,
    },
}

impl StoreError {
    /// Makes the error for `action` on `path`, telling a full disk from everything else.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&source) {
            Self::Full { path, source }
        } else {
            Self::Io { action, path, source }
        }
    }
}

/// Answers whether `error` says that the disk or a quota is used up.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

impl Failure for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::Full { .. } => Class::Busy,
            Self::Version { .. } | Self::Writing => Class::Conflict,
            Self::Mismatch { .. } => Class::Unavailable,
            Self::Missing { .. } => Class::NotFound,
            Self::CacheName { .. } => Class::User,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Class::Denied,
            Self::Io { .. } | Self::TooLarge { .. } => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Full { .. } => Some(FREE_SPACE.to_owned()),
            Self::Version { .. } => {
                Some("use another data directory, or the program that made this one".to_owned())
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("run as root, or use a data directory of your own".to_owned())
            }
            _ => None,
        }
    }
}

/// Turns an answer of the file system into one of the store.
pub(crate) trait Context<T> {
    /// Says what was tried on which path.
    fn context(self, action: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::io(action, path, error.into()))
    }
}
