//! The images of an OCI layout (image-spec, image-layout.md and image-index.md).

use coracle_content::Store;
use serde::Deserialize;

use super::ImportError;
use crate::image::{Descriptor, Image, MANIFEST, ManifestDocument, document, load};
use crate::index::INDEX;

/// What Docker calls a manifest, and an index.
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The most images of one archive.
const MOST_IMAGES: usize = 64;
/// How deep indexes are in each other: `index.json` names one, or images.
const DEEPEST: usize = 2;

#[derive(Debug, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(flatten)]
    descriptor: Descriptor,
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
}

/// Answers the images that `index`, the text of `index.json`, names.
pub(super) fn images(store: &Store, index: &[u8]) -> Result<Vec<Image>, ImportError> {
    let index = serde_json::from_slice(index).map_err(|source| ImportError::Document {
        name: "index.json",
        source,
    })?;
    let mut images = Vec::new();
    gather(store, &index, DEEPEST, &mut images)?;
    Ok(images)
}

fn gather(store: &Store, index: &Index, depth: usize, images: &mut Vec<Image>) -> Result<(), ImportError> {
    for named in index.manifests.iter().filter(|named| !named.is_attestation()) {
        let descriptor = &named.descriptor;
        is_whole(store, descriptor)?;
        match descriptor.media_type.as_str() {
            INDEX | DOCKER_LIST if depth > 0 => {
                let inner = document(store, &descriptor.digest, "image index")?;
                gather(store, &inner, depth - 1, images)?;
            }
            MANIFEST | DOCKER_MANIFEST if images.len() < MOST_IMAGES => {
                let image = image(store, descriptor)?;
                if !images.contains(&image) {
                    images.push(image);
                }
            }
            _ => {
                return Err(ImportError::Differs {
                    name: descriptor.digest.to_string(),
                });
            }
        }
    }
    Ok(())
}

impl Named {
    /// Answers whether it says something of an image, instead of being one (BuildKit, `docs/attestations`).
    fn is_attestation(&self) -> bool {
        self.platform
            .as_ref()
            .is_some_and(|platform| platform.os == "unknown")
    }
}

/// Loads an image all of whose blobs are there.
fn image(store: &Store, manifest: &Descriptor) -> Result<Image, ImportError> {
    let parts: ManifestDocument = document(store, &manifest.digest, "manifest")?;
    for part in parts.layers.iter().chain([&parts.config]) {
        is_whole(store, part)?;
    }
    Ok(load(store, &manifest.digest)?)
}

fn is_whole(store: &Store, descriptor: &Descriptor) -> Result<(), ImportError> {
    let name = descriptor.digest.to_string();
    match store.blob(&descriptor.digest)? {
        None => Err(ImportError::Lacks { name }),
        Some(blob) if blob.size != descriptor.size => Err(ImportError::Differs { name }),
        Some(_) => Ok(()),
    }
}
