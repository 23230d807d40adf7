//! The images of what `docker save` writes (moby, `image/spec/v1.2.md`, "Combined Image JSON + Filesystem Changeset
//! Format", as it is since version 1.10).

use coracle_content::Store;
use coracle_spec::Digest;
use serde::Deserialize;

use super::ImportError;
use super::contents::Contents;
use crate::image::{ConfigDocument, Image, complete, document, load};

/// An entry of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

/// Answers the images that `manifest`, the text of `manifest.json`, names.
pub(super) fn images(store: &Store, contents: &Contents, manifest: &[u8]) -> Result<Vec<Image>, ImportError> {
    let saved: Vec<Saved> = serde_json::from_slice(manifest).map_err(|source| ImportError::Document {
        name: "manifest.json",
        source,
    })?;
    saved.iter().map(|saved| image(store, contents, saved)).collect()
}

fn image(store: &Store, contents: &Contents, saved: &Saved) -> Result<Image, ImportError> {
    let lacks = |name: &String| ImportError::Lacks { name: name.clone() };
    let config = *contents.blob(&saved.config).ok_or_else(|| lacks(&saved.config))?;
    let layers = saved
        .layers
        .iter()
        .map(|name| contents.layer(name).cloned().ok_or_else(|| lacks(name)))
        .collect::<Result<Vec<_>, _>>()?;
    let settings: ConfigDocument = document(store, &config, "image configuration")?;
    let found: Vec<Digest> = layers.iter().map(|layer| layer.diff_id).collect();
    if settings.rootfs.diff_ids != found {
        return Err(ImportError::Differs {
            name: saved.config.clone(),
        });
    }
    let image = complete(store, &store.existing_blob(&config)?, layers)?;
    // With what the configuration says of each layer.
    Ok(load(store, &image.manifest)?)
}
