//! The documents of an image as they are written (OCI image specification 1.1).

use std::collections::{BTreeMap, BTreeSet};

use coracle_content::Blob;
use coracle_spec::Digest;
use serde::{Deserialize, Deserializer, Serialize};

use super::ImageConfig;
use crate::layer::Layer;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

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

/// A manifest (image-spec, manifest.md).
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ManifestDocument {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    pub(crate) config: Descriptor,
    #[serde(deserialize_with = "or_default")]
    pub(crate) layers: Vec<Descriptor>,
}

impl ManifestDocument {
    /// Makes the manifest over a configuration and layers.
    pub(crate) fn of(config: &Blob, layers: &[Layer]) -> Self {
        Self {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            config: Descriptor {
                media_type: CONFIG.to_owned(),
                digest: config.digest,
                size: config.size,
            },
            layers: layers.iter().map(Descriptor::of).collect(),
        }
    }

    /// Answers the size of all that it names.
    pub(crate) fn size(&self) -> u64 {
        self.config.size + self.layers.iter().map(|layer| layer.size).sum::<u64>()
    }
}

/// A configuration (image-spec, config.md).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ConfigDocument {
    #[serde(default = "epoch", deserialize_with = "or_epoch")]
    created: String,
    pub(crate) architecture: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) variant: String,
    pub(crate) os: String,
    #[serde(default, deserialize_with = "or_default")]
    config: RunDocument,
    pub(crate) rootfs: RootDocument,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) history: Vec<HistoryDocument>,
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
    volumes: Option<BTreeMap<String, Empty>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    stop_signal: String,
}

/// The format gives each port an object that holds nothing.
type Empty = BTreeMap<String, String>;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RootDocument {
    #[serde(rename = "type")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) diff_ids: Vec<Digest>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HistoryDocument {
    #[serde(default = "epoch", deserialize_with = "or_epoch")]
    created: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) created_by: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) empty_layer: bool,
}

impl ConfigDocument {
    /// Makes the configuration of an image of these layers.
    pub(crate) fn of(config: &ImageConfig, layers: &[Layer]) -> Self {
        let created = time(config.created);
        let history = layers.iter().map(|layer| HistoryDocument {
            created: created.clone(),
            created_by: layer.note.clone(),
            empty_layer: false,
        });
        Self {
            architecture: config.architecture.clone(),
            variant: config.variant.clone(),
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

    /// Answers what it says about running the image.
    pub(crate) fn into_settings(self) -> ImageConfig {
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
            variant: self.variant,
            created,
            entrypoint: run.entrypoint.unwrap_or_default(),
            cmd: run.cmd.unwrap_or_default(),
            env: pairs.collect(),
            workdir: run.working_dir,
            user: run.user,
            exposed_ports: run.exposed_ports.unwrap_or_default().into_keys().collect(),
            volumes: run.volumes.unwrap_or_default().into_keys().collect(),
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
        Self {
            user: config.user.clone(),
            exposed_ports: names(&config.exposed_ports),
            env: (!env.is_empty()).then_some(env),
            entrypoint: (!config.entrypoint.is_empty()).then(|| config.entrypoint.clone()),
            cmd: (!config.cmd.is_empty()).then(|| config.cmd.clone()),
            working_dir: config.workdir.clone(),
            volumes: names(&config.volumes),
            labels: (!config.labels.is_empty()).then(|| config.labels.clone()),
            stop_signal: config.stop_signal.clone(),
        }
    }
}

fn names(set: &BTreeSet<String>) -> Option<BTreeMap<String, Empty>> {
    let pairs = set.iter().map(|name| (name.clone(), Empty::new()));
    (!set.is_empty()).then(|| pairs.collect())
}

/// Reads `null` as 1970: who knows no time may say so.
fn or_epoch<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_else(epoch))
}

/// Reads `null` as nothing, as Go's tools write empty lists.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
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
