//! Images that equal builds made before.

use std::collections::{BTreeMap, BTreeSet};

use coracle_content::{Store, StoreError};
use coracle_oci::{Image, load};
use coracle_spec::Digest;

use crate::error::BuildError;
use crate::prepared::Prepared;
use crate::request::Reuse;

/// The kind of record that says which image a plan resulted in.
const KIND: &str = "images";

/// Images that equal builds made before, by the keys of images.
pub(crate) struct Known(BTreeMap<Digest, Image>);

impl Known {
    /// Looks up the images of a build.
    pub(crate) fn of(store: &Store, prepared: &Prepared) -> Result<Self, BuildError> {
        let mut known = BTreeMap::new();
        if prepared.reuse == Reuse::Nothing {
            return Ok(Self(known));
        }
        for aim in prepared.aims() {
            let key = aim.image_key();
            if let Some(image) = look_up(store, &key)? {
                known.insert(key, image);
            }
        }
        Ok(Self(known))
    }

    /// Answers the image with this key.
    pub(crate) fn get(&self, key: &Digest) -> Option<&Image> {
        self.0.get(key)
    }

    /// Answers the keys of the steps whose layers the other images of the build need.
    pub(crate) fn missing(&self, prepared: &Prepared) -> BTreeSet<Digest> {
        let unknown = prepared.aims().filter(|aim| self.get(&aim.image_key()).is_none());
        unknown.flat_map(|aim| aim.keyed().layers()).collect()
    }
}

/// Keeps which image has this key.
pub(crate) fn remember(store: &Store, key: &Digest, image: &Image) -> Result<(), StoreError> {
    store.put_record(KIND, key, &image.manifest)
}

/// Answers the image with this key, if all of it is still there.
fn look_up(store: &Store, key: &Digest) -> Result<Option<Image>, BuildError> {
    let Some(digest) = store.record::<Digest>(KIND, key)? else {
        return Ok(None);
    };
    if store.blob(&digest)?.is_none() {
        return Ok(None);
    }
    let image = load(store, &digest)?;
    for layer in &image.layers {
        if store.blob(&layer.digest)?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(image))
}
