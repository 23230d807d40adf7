//! Images in the store, as the user names them: by name or by digest.

use std::convert::Infallible;
use std::str::FromStr;

use coracle_content::{Store, StoreError};
use coracle_oci::{Image, ImageError, Index, load, load_config};
use coracle_spec::manifest::Platform;
use coracle_spec::{Class, Digest, Failure, ImageRef};
use serde::Deserialize;

/// The most that an index may have, in bytes.
const LARGEST: u64 = 4 << 20;

/// How an image in the store is named.
#[derive(Debug, Clone)]
pub(crate) enum Which {
    /// By its name.
    Name(ImageRef),
    /// By the digest of its manifest.
    Digest(Digest),
    /// By something that is neither.
    Neither(String),
}

/// What the store has under a name.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// The digest of the image, or of the index.
    pub(crate) digest: Digest,
    /// The images, with their platforms.
    pub(crate) images: Vec<(String, Image)>,
    /// Whether there is an index.
    pub(crate) is_index: bool,
}

/// Why there is no such image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoredError {
    /// Nothing has that name.
    #[error("there is no image `{0}` here")]
    Unknown(String),
    /// It is not made for a platform.
    #[error("`{name}` is not made for {wanted}, but for {}", offered.join(", "))]
    Platform {
        /// What the user named.
        name: String,
        /// The platform.
        wanted: Platform,
        /// Those that it is made for.
        offered: Vec<String>,
    },
    /// The store refused.
    #[error("cannot read the store")]
    Store(#[from] StoreError),
    /// The image cannot be read.
    #[error("cannot read the image")]
    Image(#[from] ImageError),
    /// The index cannot be read.
    #[error("the index `{digest}` is malformed")]
    Malformed {
        /// Its digest.
        digest: Digest,
        /// What the parser says.
        source: serde_json::Error,
    },
}

impl Failure for StoredError {
    fn class(&self) -> Class {
        match self {
            Self::Unknown(_) | Self::Platform { .. } => Class::NotFound,
            Self::Store(source) => source.class(),
            Self::Image(source) => source.class(),
            Self::Malformed { .. } => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_) => Some("`coracle image ls` lists those that have a name".to_owned()),
            Self::Store(source) => source.hint(),
            Self::Image(source) => source.hint(),
            Self::Platform { .. } | Self::Malformed { .. } => None,
        }
    }
}

impl FromStr for Which {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match (text.parse(), text.parse()) {
            (Ok(digest), _) => Self::Digest(digest),
            (_, Ok(name)) => Self::Name(name),
            _ => Self::Neither(text.to_owned()),
        })
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
            Self::Neither(text) => text.fmt(f),
        }
    }
}

impl Which {
    /// Answers the name, if it is one.
    pub(crate) fn name(&self) -> Option<&ImageRef> {
        match self {
            Self::Name(name) => Some(name),
            Self::Digest(_) | Self::Neither(_) => None,
        }
    }

    /// Finds it in the store.
    pub(crate) fn find(&self, store: &Store) -> Result<Stored, StoredError> {
        let unknown = || StoredError::Unknown(self.to_string());
        let digest = match self {
            Self::Name(name) => store.named(name)?.ok_or_else(unknown)?.digest,
            Self::Digest(digest) => *digest,
            Self::Neither(_) => return Err(unknown()),
        };
        store.blob(&digest)?.ok_or_else(unknown)?;
        Stored::load(store, digest)
    }
}

#[derive(Deserialize)]
struct IndexDocument {
    manifests: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    digest: Digest,
}

impl Stored {
    /// Loads what has this digest.
    pub(crate) fn load(store: &Store, digest: Digest) -> Result<Self, StoredError> {
        let bytes = store.existing_blob(&digest)?.read(LARGEST)?;
        let document: IndexDocument =
            serde_json::from_slice(&bytes).map_err(|source| StoredError::Malformed { digest, source })?;
        let is_index = document.manifests.is_some();
        let manifests = document.manifests.map_or_else(
            || vec![digest],
            |entries| entries.into_iter().map(|entry| entry.digest).collect(),
        );
        let images = manifests
            .iter()
            .map(|manifest| {
                let image = load(store, manifest)?;
                Ok((platform(store, &image)?, image))
            })
            .collect::<Result<_, StoredError>>()?;
        Ok(Self {
            digest,
            images,
            is_index,
        })
    }

    /// Keeps the image for a platform only, if one is wanted.
    pub(crate) fn only(self, which: &Which, wanted: Option<Platform>) -> Result<Self, StoredError> {
        let Some(wanted) = wanted else {
            return Ok(self);
        };
        let is_wanted = |name: &str| name.strip_suffix("/v8").unwrap_or(name) == wanted.name();
        let chosen = self.images.iter().find(|(name, _)| is_wanted(name)).cloned();
        match chosen {
            Some(chosen) => Ok(Self {
                digest: chosen.1.manifest,
                images: vec![chosen],
                is_index: false,
            }),
            None => Err(StoredError::Platform {
                name: which.to_string(),
                wanted,
                offered: self.images.into_iter().map(|(name, _)| name).collect(),
            }),
        }
    }

    /// Answers the size of all blobs in bytes; what images share counts for each.
    pub(crate) fn size(&self) -> u64 {
        self.images.iter().map(|(_, image)| image.size).sum()
    }

    /// Answers the index, if there is one.
    pub(crate) fn index(&self) -> Option<Index> {
        self.is_index.then(|| Index {
            digest: self.digest,
            images: self.images.iter().map(|(_, image)| image.clone()).collect(),
            size: self.size(),
        })
    }
}

fn platform(store: &Store, image: &Image) -> Result<String, ImageError> {
    let config = load_config(store, image)?;
    let slash = if config.variant.is_empty() { "" } else { "/" };
    Ok(format!("linux/{}{slash}{}", config.architecture, config.variant))
}
