//! Images out of layers and configurations, in a store.

use anyhow::{Context as _, Result};
use coracle_content::Store;
use coracle_debian::Arch;
use coracle_oci::Layer;
use coracle_spec::Digest;
use serde_json::{Value, json};

use super::{StandIn, recipe};

/// Raised when stand-ins are made differently, so that those of before are not used.
const VERSION: u32 = 6;

/// The kind of records that say which index a stand-in is.
const RECORD: &str = "stand-in";

/// When every image was made.
const TIME: &str = "2023-11-14T22:13:20Z";

/// Makes the image of `stand_in` unless it was made before; answers the digest of its index.
pub(super) fn make(store: &Store, stand_in: StandIn) -> Result<Digest> {
    let key = Digest::of(format!("{VERSION} {}", stand_in.repository()));
    let known = || -> Result<Option<Digest>> { Ok(store.record(RECORD, &key)?) };
    if let Some(digest) = known()? {
        return Ok(digest);
    }
    let _guard = store.lock(RECORD, &key)?;
    if let Some(digest) = known()? {
        return Ok(digest);
    }
    let digest = index(store, stand_in)?;
    store.put_record(RECORD, &key, &digest)?;
    Ok(digest)
}

fn index(store: &Store, stand_in: StandIn) -> Result<Digest> {
    let mut layers = Vec::new();
    for layer in recipe::of_packages(store, stand_in)? {
        layers.push(of_package(&layer));
    }
    layers.push(plain(store, &recipe::of_files(store, stand_in)?)?);
    let own = Arch::of_host().context("no image is made for these processors")?;
    let mut manifests = vec![image(store, stand_in, own.name(), &layers)?];
    if let Some(files) = recipe::foreign(stand_in)? {
        let other = if own == Arch::Amd64 {
            Arch::Arm64
        } else {
            Arch::Amd64
        };
        manifests.push(image(store, stand_in, other.name(), &[plain(store, &files)?])?);
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    put(store, &index).map(|(digest, _)| digest)
}

/// A layer's descriptor, and the digest of its uncompressed archive.
type Described = (Value, String);

fn of_package(layer: &Layer) -> Described {
    let descriptor = json!({
        "mediaType": layer.media_type(), "digest": layer.digest.to_string(), "size": layer.size,
    });
    (descriptor, layer.diff_id.to_string())
}

fn plain(store: &Store, archive: &[u8]) -> Result<Described> {
    let digest = store.put_blob(archive)?.digest;
    let descriptor = json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": digest.to_string(),
        "size": archive.len(),
    });
    Ok((descriptor, digest.to_string()))
}

/// Makes the image for one kind of processors; answers its descriptor.
fn image(store: &Store, stand_in: StandIn, processors: &str, layers: &[Described]) -> Result<Value> {
    let history = |_: &Described| json!({"created": TIME, "created_by": "a stand-in"});
    let mut platform = json!({"architecture": processors, "os": "linux"});
    if processors == Arch::Arm64.name() {
        platform["variant"] = "v8".into();
    }
    let mut config = json!({
        "created": TIME,
        "config": recipe::config(stand_in),
        "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|(_, id)| id).collect::<Vec<_>>()},
        "history": layers.iter().map(history).collect::<Vec<_>>(),
    });
    for (name, value) in platform.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    let (config, config_size) = put(store, &config)?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config.to_string(),
            "size": config_size,
        },
        "layers": layers.iter().map(|(descriptor, _)| descriptor).collect::<Vec<_>>(),
    });
    let (digest, size) = put(store, &manifest)?;
    Ok(json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest.to_string(),
        "size": size,
        "platform": platform,
    }))
}

fn put(store: &Store, document: &Value) -> Result<(Digest, usize)> {
    let text = serde_json::to_vec(document)?;
    Ok((store.put_blob(&text)?.digest, text.len()))
}
