//! The documents of a layout, and the one that Docker adds.

use std::collections::BTreeMap;

use coracle_spec::{Digest, ImageRef};
use serde::{Deserialize, Serialize};

use crate::image::{Descriptor, Image};
use crate::index::INDEX;

/// `oci-layout` (image-spec, image-layout.md).
pub(super) const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const FULL_NAME: &str = "io.containerd.image.name";

/// `index.json` (image-spec, image-layout.md and image-index.md).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NamedIndex {
    schema_version: u32,
    #[serde(default = "index_type")]
    media_type: String,
    manifests: Vec<Named>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Named {
    #[serde(flatten)]
    descriptor: Descriptor,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    /// What else another tool wrote there.
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

fn index_type() -> String {
    INDEX.to_owned()
}

impl NamedIndex {
    /// Makes the index of a layout with one thing in it.
    pub(super) fn of(descriptor: Descriptor, reference: &ImageRef) -> Self {
        let annotations = BTreeMap::from([
            (REF_NAME.to_owned(), reference.tag_or_latest().to_owned()),
            (FULL_NAME.to_owned(), reference.full_name()),
        ]);
        let named = Named {
            descriptor,
            annotations,
            rest: BTreeMap::new(),
        };
        Self {
            schema_version: 2,
            media_type: index_type(),
            manifests: vec![named],
        }
    }

    /// Adds what `other` has under other names.
    pub(super) fn merge(&mut self, other: Self) {
        let own: Vec<_> = self
            .manifests
            .iter()
            .map(|named| named.annotations.get(REF_NAME).cloned())
            .collect();
        let kept = other
            .manifests
            .into_iter()
            .filter(|named| !own.contains(&named.annotations.get(REF_NAME).cloned()));
        self.manifests.extend(kept);
    }
}

/// An entry of Docker's `manifest.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DockerManifest {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

impl DockerManifest {
    pub(super) fn of(image: &Image, reference: &ImageRef) -> Self {
        Self {
            config: blob_name(&image.config),
            repo_tags: vec![reference.familiar_name()],
            layers: image
                .layers
                .iter()
                .map(|layer| blob_name(&layer.digest))
                .collect(),
        }
    }
}

/// Answers where a layout has a blob.
pub(super) fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
