//! An image in an OCI image layout, read whole.

use std::io::{Cursor, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::layer::put_over;
use crate::tree::Tree;

/// What an image is.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) config: Value,
    pub(crate) diff_ids: Vec<String>,
    pub(crate) tree: Tree,
}

impl Image {
    /// Reads the only image of the layout in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let index: Value = serde_json::from_slice(&fs_err::read(folder.join("index.json"))?)?;
        Self::of_index(&index, &|digest| {
            let (algorithm, hex) = digest.split_once(':').context("a digest has an algorithm")?;
            Ok(fs_err::read(folder.join("blobs").join(algorithm).join(hex))?)
        })
    }

    fn of_index(index: &Value, blob: &dyn Fn(&str) -> Result<Vec<u8>>) -> Result<Self> {
        let manifests = index["manifests"]
            .as_array()
            .context("an index lists manifests")?;
        let [descriptor] = manifests.as_slice() else {
            bail!("not one image, but: {index}")
        };
        let manifest = document(descriptor, blob)?;
        if manifest["manifests"].is_array() {
            return Self::of_index(&manifest, blob);
        }
        Self::of_manifest(&manifest, blob)
    }

    /// Reads the image of a manifest, whose blobs `blob` answers.
    pub(crate) fn of_manifest(manifest: &Value, blob: &dyn Fn(&str) -> Result<Vec<u8>>) -> Result<Self> {
        let config = document(&manifest["config"], blob)?;
        let mut tree = Tree::default();
        for layer in manifest["layers"].as_array().into_iter().flatten() {
            let bytes = Cursor::new(blob(digest(layer)?)?);
            let kind = layer["mediaType"].as_str().unwrap_or_default();
            put_over(&mut tree, decompressed(kind, bytes)?).with_context(|| format!("layer {layer}"))?;
        }
        let diff_ids = config["rootfs"]["diff_ids"].as_array();
        let diff_ids = diff_ids.map(|ids| ids.iter().map(|id| id.as_str().unwrap_or_default().to_owned()));
        Ok(Self {
            diff_ids: diff_ids.into_iter().flatten().collect(),
            config,
            tree,
        })
    }
}

fn digest(descriptor: &Value) -> Result<&str> {
    descriptor["digest"].as_str().context("a descriptor has a digest")
}

fn document(descriptor: &Value, blob: &dyn Fn(&str) -> Result<Vec<u8>>) -> Result<Value> {
    Ok(serde_json::from_slice(&blob(digest(descriptor)?)?)?)
}

fn decompressed(kind: &str, bytes: Cursor<Vec<u8>>) -> Result<Box<dyn Read>> {
    Ok(match kind.rsplit_once(['+', '.']).map(|(_, end)| end) {
        Some("gzip") => Box::new(MultiGzDecoder::new(bytes)),
        Some("zstd") => Box::new(zstd::Decoder::new(bytes)?),
        Some("tar") => Box::new(bytes),
        _ => bail!("a layer of the type `{kind}`"),
    })
}
