//! What can go wrong in the registry, with the codes that clients know (OCI distribution specification 1.1, "Error
//! codes").

use std::io;
use std::path::{Path, PathBuf};

use coracle_content::StoreError;
use coracle_spec::{Class, Digest, FREE_SPACE, Failure};

use crate::names::{InvalidName, Reference, Repository};

/// Why the registry refuses something, or fails.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A name, tag or digest is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The repository has no such blob.
    #[error("`{repository}` has no blob `{digest}`")]
    NoBlob {
        /// The repository.
        repository: Repository,
        /// The blob.
        digest: Digest,
    },
    /// The repository has no such manifest.
    #[error("`{repository}` has no manifest `{reference}`")]
    NoManifest {
        /// The repository.
        repository: Repository,
        /// What it was asked for by.
        reference: Reference,
    },
    /// The repository is not there.
    #[error("there is no repository `{0}`")]
    NoRepository(Repository),
    /// The upload is not there: it never was, is finished, or nobody wrote to it for a day.
    #[error("there is no such upload in `{0}`")]
    NoUpload(Repository),
    /// A manifest names something that its repository does not have.
    #[error("the manifest names `{digest}`, which `{repository}` does not have")]
    Unmet {
        /// The repository.
        repository: Repository,
        /// What it does not have.
        digest: Digest,
    },
    /// A manifest cannot be understood.
    #[error("the manifest cannot be taken: {0}")]
    Manifest(String),
    /// What arrived is not what its digest says.
    #[error("the content has the digest `{found}`, not `{expected}`")]
    Mismatch {
        /// The digest that was given.
        expected: Digest,
        /// The digest of what arrived.
        found: Digest,
    },
    /// A chunk does not begin where the one before it ended.
    #[error("the next byte of this upload is {expected}, and the chunk begins at {found}")]
    Gap {
        /// Where the next chunk begins.
        expected: u64,
        /// Where this one does.
        found: u64,
    },
    /// It has more bytes than are taken.
    #[error("more than {limit} bytes are not taken")]
    TooLarge {
        /// The most that is taken, in bytes.
        limit: u64,
    },
    /// Too many at once.
    #[error("too many {0} at once")]
    TooMany(&'static str),
    /// The store failed.
    #[error("the content store failed")]
    Store(#[source] StoreError),
    /// The file system refused.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// Which file or folder it was tried on.
        path: PathBuf,
        /// What the file system answered.
        source: io::Error,
    },
}

impl RegistryError {
    /// Answers the code that clients know it by.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name(InvalidName::Repository(_)) => "NAME_INVALID",
            Self::Name(InvalidName::Tag(_)) | Self::Manifest(_) => "MANIFEST_INVALID",
            Self::Name(InvalidName::Digest(_)) | Self::Mismatch { .. } => "DIGEST_INVALID",
            Self::NoBlob { .. } => "BLOB_UNKNOWN",
            Self::NoManifest { .. } => "MANIFEST_UNKNOWN",
            Self::NoRepository(_) => "NAME_UNKNOWN",
            Self::NoUpload(_) => "BLOB_UPLOAD_UNKNOWN",
            Self::Unmet { .. } => "MANIFEST_BLOB_UNKNOWN",
            Self::Gap { .. } => "BLOB_UPLOAD_INVALID",
            Self::TooLarge { .. } => "SIZE_INVALID",
            Self::TooMany(_) => "TOOMANYREQUESTS",
            Self::Store(_) | Self::Io { .. } => match self.class() {
                Class::Busy => "TOOMANYREQUESTS",
                Class::Conflict => "BLOB_UPLOAD_INVALID",
                _ => "UNKNOWN",
            },
        }
    }
}

impl Failure for RegistryError {
    fn class(&self) -> Class {
        match self {
            Self::NoBlob { .. } | Self::NoManifest { .. } | Self::NoRepository(_) | Self::NoUpload(_) => {
                Class::NotFound
            }
            Self::Name(_)
            | Self::Unmet { .. }
            | Self::Manifest(_)
            | Self::Mismatch { .. }
            | Self::Gap { .. }
            | Self::TooLarge { .. } => Class::User,
            Self::TooMany(_) => Class::Busy,
            Self::Store(error) => error.class(),
            Self::Io { source, .. } if is_full(source) => Class::Busy,
            Self::Io { .. } => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Io { source, .. } if is_full(source) => Some(FREE_SPACE.to_owned()),
            _ => None,
        }
    }
}

impl From<StoreError> for RegistryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Mismatch { expected, found } => Self::Mismatch { expected, found },
            error => Self::Store(error),
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

/// Turns an answer of the file system into one of the registry.
pub(crate) trait Context<T> {
    /// Says what was tried on which path.
    fn context(self, action: &'static str, path: &Path) -> Result<T, RegistryError>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, RegistryError> {
        self.map_err(|source| RegistryError::Io {
            action,
            path: path.to_owned(),
            source,
        })
    }
}
