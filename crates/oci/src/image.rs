//! Images: a configuration and a manifest over layers (OCI image specification 1.1, config.md and manifest.md).

use std::collections::{BTreeMap, BTreeSet};

use coracle_content::{Blob, Store, StoreError};
use coracle_spec::image::{ImageDocument, RootFs};
use coracle_spec::{Class, Digest, Failure};
use serde::{Deserialize, Serialize};

use crate::compression::Compression;
use crate::layer::Layer;

pub(crate) use document::{ConfigDocument, Descriptor, MANIFEST, ManifestDocument};

mod document;

/// This machine's processors, in the words of images (Go's).
pub const OWN_ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "amd64"
};

/// The most that a manifest or a configuration may take.
pub(crate) const MAX_DOCUMENT: u64 = 4 << 20;

/// How an image is run, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// The processor architecture, in Go's words: `amd64`, `arm64`.
    pub architecture: String,
    /// The variant of the architecture, `v8` for arm64; empty where there is only one.
    pub variant: String,
    /// When it was made, in seconds since 1970: the same for the same contents.
    pub created: i64,
    /// What runs, before `cmd`.
    pub entrypoint: Vec<String>,
    /// What runs, or the arguments of `entrypoint`.
    pub cmd: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// The working directory; empty for the root.
    pub workdir: String,
    /// Who runs it: `UID`, `UID:GID` or names; empty for root.
    pub user: String,
    /// Ports that it listens on, as `8080/tcp`.
    pub exposed_ports: BTreeSet<String>,
    /// Folders that are not part of the image when it runs.
    pub volumes: BTreeSet<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that ends it, as `SIGTERM`; empty for that one.
    pub stop_signal: String,
}

/// An image whose blobs are in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The digest of the manifest: the image's own.
    pub manifest: Digest,
    /// The digest of the configuration.
    pub config: Digest,
    /// The layers, the lowest first.
    pub layers: Vec<Layer>,
    /// The size of all its blobs in bytes.
    pub size: u64,
}

/// Why an image cannot be assembled or loaded.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The store refused, or lacks a blob.
    #[error("cannot read or write the image in the store")]
    Store(#[from] StoreError),
    /// There is no such image.
    #[error("image `{digest}` is not in the store")]
    NotFound {
        /// The manifest's digest.
        digest: Digest,
    },
    /// A document of it is not what it should be.
    #[error("the {what} `{digest}` is malformed")]
    Malformed {
        /// Which document.
        what: &'static str,
        /// Its digest.
        digest: Digest,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A layer's kind is not known.
    #[error("image `{image}` has a layer of type `{media_type}`, which is not supported")]
    MediaType {
        /// The manifest's digest.
        image: Digest,
        /// The layer's media type.
        media_type: String,
    },
    /// Manifest and configuration do not belong together.
    #[error("image `{image}` has {layers} layers, its configuration names {diff_ids}")]
    LayerCount {
        /// The manifest's digest.
        image: Digest,
        /// How many layers the manifest has.
        layers: usize,
        /// How many the configuration has.
        diff_ids: usize,
    },
}

impl Failure for ImageError {
    fn class(&self) -> Class {
        match self {
            Self::Store(source) => source.class(),
            Self::NotFound { .. } => Class::NotFound,
            Self::Malformed { .. } | Self::MediaType { .. } | Self::LayerCount { .. } => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(source) => source.hint(),
            _ => None,
        }
    }
}

/// Makes an image of these layers, the lowest first.
pub fn assemble(store: &Store, config: &ImageConfig, layers: &[Layer]) -> Result<Image, ImageError> {
    let config = store.put_blob(&to_json(&ConfigDocument::of(config, layers))?)?;
    complete(store, &config, layers.to_vec())
}

/// Makes an image of these layers, the lowest first, and a configuration whose layers are still open.
pub fn assemble_document(
    store: &Store,
    document: &ImageDocument,
    layers: &[Layer],
) -> Result<Image, ImageError> {
    let rootfs = RootFs {
        diff_ids: layers.iter().map(|layer| layer.diff_id.to_string()).collect(),
        ..RootFs::default()
    };
    let document = ImageDocument {
        rootfs,
        ..document.clone()
    };
    let config = store.put_blob(&to_json(&document)?)?;
    complete(store, &config, layers.to_vec())
}

/// Loads an image's configuration, whole.
pub fn load_document(store: &Store, image: &Image) -> Result<ImageDocument, ImageError> {
    document(store, &image.config, "image configuration")
}

/// Loads the image with this manifest.
pub fn load(store: &Store, digest: &Digest) -> Result<Image, ImageError> {
    let blob = store
        .blob(digest)?
        .ok_or(ImageError::NotFound { digest: *digest })?;
    let manifest: ManifestDocument = document(store, digest, "manifest")?;
    let config: ConfigDocument = document(store, &manifest.config.digest, "image configuration")?;
    let layers = layers(digest, &manifest, &config)?;
    Ok(Image {
        manifest: *digest,
        config: manifest.config.digest,
        layers,
        size: manifest.size() + blob.size,
    })
}

/// Loads an image's configuration.
pub fn load_config(store: &Store, image: &Image) -> Result<ImageConfig, ImageError> {
    let config: ConfigDocument = document(store, &image.config, "image configuration")?;
    Ok(config.into_settings())
}

/// Makes the same image with its layers compressed so.
pub fn with_compression(store: &Store, image: &Image, compression: Compression) -> Result<Image, ImageError> {
    if image.layers.iter().all(|layer| layer.compression == compression) {
        return Ok(image.clone());
    }
    let layers = image
        .layers
        .iter()
        .map(|layer| crate::compression::recompress(store, layer, compression))
        .collect::<Result<Vec<_>, _>>()?;
    // The configuration names uncompressed contents only, so it stays, whoever wrote it.
    let config = store.existing_blob(&image.config)?;
    complete(store, &config, layers)
}

/// Writes the manifest over a configuration and layers that are in the store.
pub(crate) fn complete(store: &Store, config: &Blob, layers: Vec<Layer>) -> Result<Image, ImageError> {
    let manifest = ManifestDocument::of(config, &layers);
    let size = manifest.size();
    let manifest = store.put_blob(&to_json(&manifest)?)?;
    Ok(Image {
        manifest: manifest.digest,
        config: config.digest,
        layers,
        size: size + manifest.size,
    })
}

fn layers(
    image: &Digest,
    manifest: &ManifestDocument,
    config: &ConfigDocument,
) -> Result<Vec<Layer>, ImageError> {
    let diff_ids = &config.rootfs.diff_ids;
    if diff_ids.len() != manifest.layers.len() {
        let (layers, diff_ids) = (manifest.layers.len(), diff_ids.len());
        return Err(ImageError::LayerCount {
            image: *image,
            layers,
            diff_ids,
        });
    }
    let mut notes = config
        .history
        .iter()
        .filter(|entry| !entry.empty_layer)
        .map(|entry| entry.created_by.clone());
    let mut layers = Vec::new();
    for (descriptor, diff_id) in manifest.layers.iter().zip(diff_ids) {
        let compression =
            Compression::of_media_type(&descriptor.media_type).ok_or_else(|| ImageError::MediaType {
                image: *image,
                media_type: descriptor.media_type.clone(),
            })?;
        let note = notes.next().unwrap_or_default();
        layers.push(Layer {
            diff_id: *diff_id,
            digest: descriptor.digest,
            size: descriptor.size,
            compression,
            note,
        });
    }
    Ok(layers)
}

/// Reads a document of an image.
pub(crate) fn document<T: for<'de> Deserialize<'de>>(
    store: &Store,
    digest: &Digest,
    what: &'static str,
) -> Result<T, ImageError> {
    let bytes = store.existing_blob(digest)?.read(MAX_DOCUMENT)?;
    serde_json::from_slice(&bytes).map_err(|source| ImageError::Malformed {
        what,
        digest: *digest,
        source,
    })
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| {
        StoreError::io(
            "write",
            std::path::Path::new("image"),
            std::io::Error::other(error),
        )
    })
}
