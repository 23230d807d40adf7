//! Image indexes: one name for the images of several platforms (OCI image specification 1.1, image-index.md).
//!
//! What an index says of a platform is what the image's own configuration says, so that the two never differ.

use coracle_content::{Blob, Store};
use coracle_spec::Digest;
use serde::{Deserialize, Serialize};

use crate::image::{ConfigDocument, Descriptor, Image, ImageError, MANIFEST, document, to_json};

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Images of several platforms under one digest; all blobs are in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The digest of the index itself.
    pub digest: Digest,
    /// The images, in the order of their platforms' names.
    pub images: Vec<Image>,
    /// The size of all its blobs in bytes; what images share counts once.
    pub size: u64,
}

/// What an image runs on (image-spec, image-index.md, property `platform`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    variant: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexDocument {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<PlatformDescriptor>,
}

#[derive(Debug, Serialize)]
struct PlatformDescriptor {
    #[serde(flatten)]
    descriptor: Descriptor,
    platform: Platform,
}

/// Makes an index of images. The order that they are given in makes no difference.
pub fn assemble_index(store: &Store, images: &[Image]) -> Result<Index, ImageError> {
    let mut sorted = images
        .iter()
        .map(|image| Ok((platform(store, image)?, image)))
        .collect::<Result<Vec<_>, ImageError>>()?;
    sorted.sort_by(|one, other| (&one.0, one.1.manifest).cmp(&(&other.0, other.1.manifest)));
    let images: Vec<Image> = sorted.iter().map(|(_, image)| (*image).clone()).collect();
    let manifests = sorted
        .into_iter()
        .map(|(platform, image)| PlatformDescriptor::of(store, image, platform))
        .collect::<Result<Vec<_>, _>>()?;
    let document = IndexDocument {
        schema_version: 2,
        media_type: INDEX,
        manifests,
    };
    let blob = store.put_blob(&to_json(&document)?)?;
    let size = size(store, &images, &blob)?;
    Ok(Index {
        digest: blob.digest,
        images,
        size,
    })
}

/// Answers what an image runs on.
pub(crate) fn platform(store: &Store, image: &Image) -> Result<Platform, ImageError> {
    let config: ConfigDocument = document(store, &image.config, "image configuration")?;
    Ok(Platform {
        os: config.os,
        architecture: config.architecture,
        variant: config.variant,
    })
}

impl PlatformDescriptor {
    fn of(store: &Store, image: &Image, platform: Platform) -> Result<Self, ImageError> {
        let manifest = store.existing_blob(&image.manifest)?;
        let descriptor = Descriptor {
            media_type: MANIFEST.to_owned(),
            digest: manifest.digest,
            size: manifest.size,
        };
        Ok(Self { descriptor, platform })
    }
}

fn size(store: &Store, images: &[Image], index: &Blob) -> Result<u64, ImageError> {
    let mut size = index.size;
    for digest in blobs(images) {
        size += store.existing_blob(&digest)?.size;
    }
    Ok(size)
}

/// Answers the digests of all blobs of images, each once, in their order.
pub(crate) fn blobs(images: &[Image]) -> std::collections::BTreeSet<Digest> {
    let of = |image: &Image| {
        let layers: Vec<_> = image.layers.iter().map(|layer| layer.digest).collect();
        layers.into_iter().chain([image.config, image.manifest])
    };
    images.iter().flat_map(of).collect()
}
