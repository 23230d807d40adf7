//! Why a layer cannot be written.

use std::io;

use coracle_content::StoreError;
use coracle_spec::{Class, Failure};

use crate::path::{InvalidPath, LayerPath};

/// Why a layer cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A path cannot be in a layer.
    #[error("the layer has an unusable path")]
    Path(#[from] InvalidPath),
    /// The store refused.
    #[error("cannot store the layer")]
    Store(#[from] StoreError),
    /// The entry cannot be written into the layer's tree.
    #[error("cannot unpack `{path}` of the layer")]
    Tree {
        /// The entry.
        path: LayerPath,
        /// What the store's file system answered.
        source: StoreError,
    },
    /// A path occurs twice.
    #[error("`{path}` is in the layer already")]
    Duplicate {
        /// The path.
        path: LayerPath,
    },
    /// An entry lies in something that is no directory.
    #[error("`{path}` cannot be in the layer: `{parent}` is no directory there")]
    NotInDirectory {
        /// The entry.
        path: LayerPath,
        /// What it would be in.
        parent: LayerPath,
    },
    /// A hard link points to nothing before it.
    #[error("`{path}` is a hard link to `{target}`, which is no file earlier in the layer")]
    NoTarget {
        /// The link.
        path: LayerPath,
        /// What it points to.
        target: LayerPath,
    },
    /// The contents are not as long as was said.
    #[error("`{path}` changed while it was read: expected {expected} bytes, got {found}")]
    Size {
        /// The file.
        path: LayerPath,
        /// Its size as its header says.
        expected: u64,
        /// How many bytes there were, at least.
        found: u64,
    },
    /// The contents are not those that were expected.
    #[error("`{path}` changed while it was read")]
    Changed {
        /// The file.
        path: LayerPath,
    },
    /// The contents cannot be read.
    #[error("cannot read the contents of `{path}`")]
    Read {
        /// The file.
        path: LayerPath,
        /// What its reader answered.
        source: io::Error,
    },
}

impl Failure for LayerError {
    fn class(&self) -> Class {
        match self {
            Self::Store(source) | Self::Tree { source, .. } => source.class(),
            Self::Size { .. } | Self::Changed { .. } => Class::Conflict,
            Self::Path(_) | Self::Read { .. } => Class::User,
            Self::Duplicate { .. } | Self::NotInDirectory { .. } | Self::NoTarget { .. } => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(source) | Self::Tree { source, .. } => source.hint(),
            Self::Size { .. } | Self::Changed { .. } => {
                Some("leave the folder alone while it is built, then build again".to_owned())
            }
            _ => None,
        }
    }
}
