//! The layers of an image of a registry.
//!
//! Blobs alone are fetched: they are unpacked when a step stands on them, and an image that only adds layers needs none
//! of them unpacked.

use coracle_content::{Store, StoreError};
use coracle_distribution::{Client, DistributionError};
use coracle_oci::{Image, ImageError, load};
use coracle_plan::FromImage;
use coracle_spec::reference::InvalidReference;
use coracle_spec::{Class, Digest, Failure, ImageRef};
use tokio_util::sync::CancellationToken;

use crate::outcome::Outcome;

/// Why an image of a registry cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The registry refused, or cannot be reached.
    #[error("cannot get `{image}` from its registry")]
    Pull {
        /// The image.
        image: String,
        /// Why not.
        source: Box<DistributionError>,
    },
    /// What came is none.
    #[error("cannot use `{image}`")]
    Image {
        /// The image.
        image: String,
        /// Why not.
        source: ImageError,
    },
    /// Its configuration is none.
    #[error("the configuration of `{image}` is malformed")]
    Document {
        /// The image.
        image: String,
        /// Where.
        source: serde_json::Error,
    },
    /// Its name is none.
    #[error(transparent)]
    Name(#[from] InvalidReference),
    /// The store refused.
    #[error("cannot use the store")]
    Store(#[from] StoreError),
}

impl Failure for PullError {
    fn class(&self) -> Class {
        match self {
            Self::Pull { source, .. } => source.class(),
            Self::Image { source, .. } => source.class(),
            Self::Document { .. } | Self::Name(_) => Class::User,
            Self::Store(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Pull { source, .. } => source.hint(),
            Self::Image { source, .. } => source.hint(),
            Self::Store(error) => error.hint(),
            Self::Document { .. } | Self::Name(_) => None,
        }
    }
}

/// Answers the layers of an image, pulling what is not there for whoever's client it is.
pub(crate) async fn pull(
    (store, client): (&Store, &Client),
    from: &FromImage,
    cancel: &CancellationToken,
) -> Result<Outcome, PullError> {
    // A party's client knows better what of it is there.
    if client.party().is_none()
        && let Some(image) = whole(store, &from.digest)?
    {
        return Ok(Outcome::of_layers(image.layers));
    }
    let name: ImageRef = from.reference.parse()?;
    let name: ImageRef = format!("{}/{}@{}", name.registry(), name.repository(), from.digest).parse()?;
    let pulled = client
        .pull(&name, from.arch.platform(), &coracle_distribution::Silent, cancel)
        .await;
    let image = pulled.map_err(|source| PullError::Pull {
        image: from.reference.clone(),
        source: Box::new(source),
    })?;
    Ok(Outcome::of_layers(image.layers))
}

/// Answers an image of which everything is in the store.
fn whole(store: &Store, digest: &Digest) -> Result<Option<Image>, StoreError> {
    if store.blob(digest)?.is_none() {
        return Ok(None);
    }
    let Ok(image) = load(store, digest) else {
        return Ok(None);
    };
    for layer in &image.layers {
        if store.blob(&layer.digest)?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(image))
}
