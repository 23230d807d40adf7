//! Images: a configuration and a manifest over layers (OCI image specification 1.1, config.md and manifest.md).

use std::collections::{BTreeMap, BTreeSet};

use coracle_content::{Blob, Store, StoreError};
use coracle_spec::{Class, Digest, Failure};
use serde::{Deserialize, Serialize};

use crate::compression::Compression;
use crate::layer::Layer;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The most that a manifest or a configuration may take.
const MAX_DOCUMENT: u64 = 4 << 20;

/// How an image is run, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// The processor architecture, in Go's words: `amd64`, `arm64`.
    pub architecture: String,
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
pub(crate) fn with_compression(
    store: &Store,
    image: &Image,
    compression: Compression,
) -> Result<Image, ImageError> {
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
fn complete(store: &Store, config: &Blob, layers: Vec<Layer>) -> Result<Image, ImageError> {
    let manifest = ManifestDocument {
        schema_version: 2,
        media_type: MANIFEST.to_owned(),
        config: Descriptor {
            media_type: CONFIG.to_owned(),
            digest: config.digest,
            size: config.size,
        },
        layers: layers.iter().map(Descriptor::of).collect(),
    };
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

fn document<T: for<'de> Deserialize<'de>>(
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

/// A reference to a blob (image-spec, descriptor.md).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl Descriptor {
    fn of(layer: &Layer) -> Self {
        Self {
            media_type: layer.media_type().to_owned(),
            digest: layer.digest,
            size: layer.size,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestDocument {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

impl ManifestDocument {
    fn size(&self) -> u64 {
        self.config.size + self.layers.iter().map(|layer| layer.size).sum::<u64>()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct ConfigDocument {
    #[serde(default = "epoch")]
    created: String,
    architecture: String,
    os: String,
    #[serde(default)]
    config: RunDocument,
    rootfs: RootDocument,
    #[serde(default)]
    history: Vec<HistoryDocument>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct RunDocument {
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposed_ports: Option<BTreeMap<String, Empty>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    working_dir: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    stop_signal: String,
}

/// The format gives each port an object that holds nothing.
type Empty = BTreeMap<String, String>;

#[derive(Debug, Serialize, Deserialize)]
struct RootDocument {
    #[serde(rename = "type")]
    kind: String,
    diff_ids: Vec<Digest>,
}

#[derive(Debug, Serialize, Deserialize)]
struct HistoryDocument {
    #[serde(default = "epoch")]
    created: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    created_by: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    empty_layer: bool,
}

impl ConfigDocument {
    fn of(config: &ImageConfig, layers: &[Layer]) -> Self {
        let created = time(config.created);
        let history = layers.iter().map(|layer| HistoryDocument {
            created: created.clone(),
            created_by: layer.note.clone(),
            empty_layer: false,
        });
        Self {
            architecture: config.architecture.clone(),
            os: "linux".to_owned(),
            config: RunDocument::of(config),
            rootfs: RootDocument {
                kind: "layers".to_owned(),
                diff_ids: layers.iter().map(|layer| layer.diff_id).collect(),
            },
            history: history.collect(),
            created,
        }
    }

    fn into_settings(self) -> ImageConfig {
        let created = self
            .created
            .parse::<jiff::Timestamp>()
            .map_or(0, jiff::Timestamp::as_second);
        let run = self.config;
        let pairs = run.env.unwrap_or_default().into_iter().filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        });
        ImageConfig {
            architecture: self.architecture,
            created,
            entrypoint: run.entrypoint.unwrap_or_default(),
            cmd: run.cmd.unwrap_or_default(),
            env: pairs.collect(),
            workdir: run.working_dir,
            user: run.user,
            exposed_ports: run.exposed_ports.unwrap_or_default().into_keys().collect(),
            labels: run.labels.unwrap_or_default(),
            stop_signal: run.stop_signal,
        }
    }
}

impl RunDocument {
    fn of(config: &ImageConfig) -> Self {
        let env: Vec<String> = config
            .env
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let ports = config
            .exposed_ports
            .iter()
            .map(|port| (port.clone(), Empty::new()))
            .collect::<BTreeMap<_, _>>();
        Self {
            user: config.user.clone(),
            exposed_ports: (!ports.is_empty()).then_some(ports),
            env: (!env.is_empty()).then_some(env),
            entrypoint: (!config.entrypoint.is_empty()).then(|| config.entrypoint.clone()),
            cmd: (!config.cmd.is_empty()).then(|| config.cmd.clone()),
            working_dir: config.workdir.clone(),
            labels: (!config.labels.is_empty()).then(|| config.labels.clone()),
            stop_signal: config.stop_signal.clone(),
        }
    }
}

/// Writes seconds since 1970 as RFC 3339 has them; what no calendar holds becomes 1970.
fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

fn epoch() -> String {
    time(0)
}
