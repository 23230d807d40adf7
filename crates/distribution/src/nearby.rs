//! Images that need no registry: what this program itself has in one, and knows to be for whoever's client asks.
//!
//! A registry of our own would have to be asked over the network, at an address that need not be reachable from here, and
//! with a login that nobody set up.

use std::error::Error;

use async_trait::async_trait;
use coracle_spec::{Digest, ImageRef};

use crate::client::Client;
use crate::error::DistributionError;
use crate::sink::joined;

/// An image that no registry has to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearbyImage {
    /// Its name, with its digest.
    pub name: ImageRef,
    /// Its manifest and all that this names, directly or not, which the store has.
    pub blobs: Vec<Digest>,
}

/// Knows the images that no registry has to be asked for.
#[async_trait]
pub trait Nearby: Send + Sync {
    /// Looks an image up; nothing when it is not whoever's client asks, or not known here: then its registry is asked.
    async fn find(&self, image: &ImageRef) -> Result<Option<NearbyImage>, Box<dyn Error + Send + Sync>>;
}

impl Client {
    /// Answers whether no registry has to be asked for an image: then asking costs nothing.
    pub async fn is_nearby(&self, image: &ImageRef) -> Result<bool, DistributionError> {
        let Some(nearby) = &self.nearby else {
            return Ok(false);
        };
        let found = nearby.find(image).await.map_err(DistributionError::Nearby)?;
        Ok(found.is_some())
    }

    /// Answers the name by which an image is [there](Client::holds): with its digest when it is nearby, else as it is.
    pub(crate) async fn by_nearest_name(&self, image: &ImageRef) -> Result<ImageRef, DistributionError> {
        let Some(nearby) = &self.nearby else {
            return Ok(image.clone());
        };
        match nearby.find(image).await.map_err(DistributionError::Nearby)? {
            Some(found) => self.note_nearby(found).await,
            None => Ok(image.clone()),
        }
    }

    async fn note_nearby(&self, found: NearbyImage) -> Result<ImageRef, DistributionError> {
        let client = self.clone();
        let note = move || {
            found
                .blobs
                .iter()
                .try_for_each(|blob| client.note_held(blob))
                .map(|()| found.name)
        };
        Ok(joined(tokio::task::spawn_blocking(note).await)??)
    }
}
