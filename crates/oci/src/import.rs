//! Images from others: an archive that holds an OCI image layout, or what `docker save` writes.
//!
//! It is read once, from its beginning to its end, and what it holds goes into the store as it comes: nothing of it is
//! ever a path on the disk. Each blob has to have the digest that its name says, and each image all its blobs.

mod contents;
mod docker;
mod layout;

use std::io::{self, Read};

use coracle_content::{Store, StoreError};
use coracle_spec::{ByteSize, Class, Digest, Failure};

use crate::image::{Image, ImageError};
use crate::path::InvalidPath;
use crate::tar::TarError;
use contents::Contents;

/// How large an archive may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLimits {
    /// The most entries.
    pub entries: u64,
    /// The most bytes.
    pub bytes: ByteSize,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            entries: 100_000,
            bytes: ByteSize::mebibytes(64 << 10),
        }
    }
}

/// Why an archive's images cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read to its end.
    #[error("the archive of the image cannot be read")]
    Read(#[source] io::Error),
    /// It is malformed, or larger than is taken.
    #[error("the image comes in no archive that can be read")]
    Tar(#[from] TarError),
    /// A name in it leads elsewhere.
    #[error("the image's archive has an entry that is refused")]
    Path(#[from] InvalidPath),
    /// It has more entries than are taken.
    #[error("the image's archive has more than {limit} entries")]
    TooMany {
        /// The most that are taken.
        limit: u64,
    },
    /// A blob is not what its name says.
    #[error("the blob `{digest}` in the image's archive has another digest")]
    Blob {
        /// What its name says.
        digest: Digest,
        /// What it is.
        source: StoreError,
    },
    /// What says which images there are is not understood.
    #[error("`{name}` in the image's archive is malformed")]
    Document {
        /// Its name.
        name: &'static str,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// It is larger than such documents are.
    #[error("`{name}` in the image's archive has {size} bytes, more than such a file has")]
    Large {
        /// Its name.
        name: String,
        /// Its size.
        size: u64,
    },
    /// It holds nothing that says which images there are.
    #[error("the archive holds no image: neither `index.json` nor `manifest.json` is in it")]
    NoImage,
    /// It lacks a part of an image.
    #[error("the image's archive lacks `{name}`, which the image is made of")]
    Lacks {
        /// The part.
        name: String,
    },
    /// A part is not what the image says.
    #[error("`{name}` in the image's archive is not what the image is made of")]
    Differs {
        /// The part.
        name: String,
    },
    /// An image is malformed.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The store refused.
    #[error("cannot store the image")]
    Store(#[from] StoreError),
}

impl Failure for ImportError {
    fn class(&self) -> Class {
        match self {
            Self::Image(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Read(_) => Class::Unavailable,
            _ => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Image(error) => error.hint(),
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}

/// Takes the images of an archive into the store, in the archive's order; at least one.
///
/// An image of an OCI layout keeps its digest. One that `docker save` wrote has none: it gets one, its configuration
/// and with it what Docker calls the image's id stay.
pub fn import(store: &Store, archive: impl Read, limits: &ImportLimits) -> Result<Vec<Image>, ImportError> {
    let contents = Contents::read(store, archive, limits)?;
    let images = match (
        contents.document("index.json"),
        contents.document("manifest.json"),
    ) {
        (Some(index), _) => layout::images(store, index)?,
        (None, Some(manifest)) => docker::images(store, &contents, manifest)?,
        (None, None) => return Err(ImportError::NoImage),
    };
    if images.is_empty() {
        return Err(ImportError::NoImage);
    }
    Ok(images)
}

#[cfg(test)]
mod tests;
