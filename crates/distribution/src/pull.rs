//! Pulling: from a name to an image in the store.
//!
//! Mirrors are asked in order, then the registry itself; whatever a mirror does wrong, the next one is asked, and the
//! registry's own answer is what the caller hears.

use coracle_oci::Image;
use coracle_spec::manifest::Platform;
use coracle_spec::{Digest, ImageRef};
use futures::FutureExt;
use serde::Deserialize;
use tokio_util::task::TaskTracker;

use crate::blob::Wish;
use crate::client::Client;
use crate::document::{self, Document, Manifest};
use crate::endpoint::Endpoint;
use crate::error::DistributionError;
use crate::manifest::Fetched;
use crate::platform::{choose, fits, mismatch};
use crate::progress::{Part, Progress, Silent, Transfer};
use crate::session::{Access, Session};
use crate::sink::joined;

/// What a name stands for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The digest of the manifest of the image for the platform.
    pub digest: Digest,
    /// The digest of the index that it was found in, if there is one.
    pub index: Option<Digest>,
    /// The image's configuration, as it was made.
    pub config: Vec<u8>,
}

/// What a name stands for, and where that was found.
pub(crate) struct Found {
    digest: Digest,
    index: Option<Digest>,
    manifest: Manifest,
    /// Where blobs are looked for, in order.
    endpoints: Vec<Endpoint>,
}

/// An image's digest, that of the index it is in, and its manifest.
type Place = (Digest, Option<Digest>, Manifest);

impl Client {
    pub(crate) async fn do_resolve(
        &self,
        image: &ImageRef,
        platform: Platform,
    ) -> Result<Resolved, DistributionError> {
        let image = &self.by_nearest_name(image).await?;
        let found = self.find(image, platform).await?;
        let threads = TaskTracker::new();
        let config = self.config((image, &found), platform, &threads, &Silent).await;
        ended(threads).await;
        let config = config?;
        Ok(Resolved {
            digest: found.digest,
            index: found.index,
            config,
        })
    }

    pub(crate) async fn do_pull(
        &self,
        image: &ImageRef,
        platform: Platform,
        threads: &TaskTracker,
        progress: &dyn Progress,
    ) -> Result<Image, DistributionError> {
        let image = &self.by_nearest_name(image).await?;
        let found = self.find(image, platform).await?;
        self.config((image, &found), platform, threads, progress).await?;
        let layers = found.manifest.layers.iter();
        let wishes = layers
            .map(|layer| {
                Ok(Wish {
                    image,
                    endpoints: &found.endpoints,
                    transfer: Transfer {
                        digest: layer.digest(&image.to_string())?,
                        size: layer.size,
                        part: Part::Layer,
                    },
                    threads,
                })
            })
            .collect::<Result<Vec<_>, DistributionError>>()?;
        let downloads: Vec<_> = wishes
            .iter()
            .map(|wish| self.download(wish, progress).boxed())
            .collect();
        self.together(downloads).await?;
        self.complete(image, found).await
    }

    /// Reads the image from the store as others will, and notes where its blobs came from.
    async fn complete(&self, image: &ImageRef, found: Found) -> Result<Image, DistributionError> {
        let (client, image) = (self.clone(), image.clone());
        let complete = move || -> Result<Image, DistributionError> {
            let loaded = coracle_oci::load(&client.store, &found.digest)?;
            let layers = loaded.layers.iter().map(|layer| layer.digest);
            for blob in layers.chain([loaded.config]) {
                client.places(&image).note(&blob, image.repository())?;
            }
            Ok(loaded)
        };
        joined(tokio::task::spawn_blocking(complete).await)?
    }

    /// Finds what a name stands for. What a digest names is not asked for when it is there.
    async fn find(&self, image: &ImageRef, platform: Platform) -> Result<Found, DistributionError> {
        let endpoints = self.endpoints(image);
        let mut last = None;
        for (place, endpoint) in endpoints.iter().enumerate() {
            match self.find_at(endpoint, image, platform).await {
                Ok((digest, index, manifest)) => {
                    let mut endpoints = endpoints.clone();
                    endpoints.rotate_left(place);
                    return Ok(Found {
                        digest,
                        index,
                        manifest,
                        endpoints,
                    });
                }
                Err(error @ DistributionError::Store(_)) => return Err(error),
                Err(error) => last = Some(passed_over(endpoint, error)),
            }
        }
        // There is always the registry itself.
        Err(last.unwrap_or(DistributionError::Cancelled))
    }

    async fn find_at(
        &self,
        endpoint: &Endpoint,
        image: &ImageRef,
        platform: Platform,
    ) -> Result<Place, DistributionError> {
        let name = image.to_string();
        let top = self.top(endpoint, image).await?;
        let document = Document::read(&name, &top.bytes)?;
        self.keep(&top).await?;
        match document {
            Document::Manifest(manifest) => Ok((top.digest, None, self.checked(&name, manifest)?)),
            Document::Index(manifests) => {
                let chosen = choose(&name, &manifests, platform)?.digest(&name)?;
                let manifest = self.child(endpoint, image, chosen).await?;
                Ok((chosen, Some(top.digest), self.checked(&name, manifest)?))
            }
        }
    }

    /// Fetches what the name stands for: an image or an index.
    async fn top(&self, endpoint: &Endpoint, image: &ImageRef) -> Result<Fetched, DistributionError> {
        if let Some(digest) = image.digest()
            && let Some(stored) = self.stored(*digest).await?
        {
            return Ok(stored);
        }
        let session = Session::open(&self.shared, endpoint, image, Access::Pull).await?;
        self.named(&session, image).await
    }

    /// Fetches a manifest that an index names.
    async fn child(
        &self,
        endpoint: &Endpoint,
        image: &ImageRef,
        digest: Digest,
    ) -> Result<Manifest, DistributionError> {
        let fetched = if let Some(stored) = self.stored(digest).await? {
            stored
        } else {
            let session = Session::open(&self.shared, endpoint, image, Access::Pull).await?;
            self.by_digest(&session, digest, image).await?
        };
        let name = image.to_string();
        match Document::read(&name, &fetched.bytes)? {
            Document::Manifest(manifest) => {
                self.keep(&fetched).await?;
                Ok(manifest)
            }
            Document::Index(_) => Err(document::unusable(&name, "its index names another index")),
        }
    }

    fn checked(&self, name: &str, manifest: Manifest) -> Result<Manifest, DistributionError> {
        manifest.check(name, self.shared.settings.largest_image)?;
        Ok(manifest)
    }

    /// Fetches the configuration, and compares its platform with the one that is wanted.
    async fn config(
        &self,
        (image, found): (&ImageRef, &Found),
        platform: Platform,
        threads: &TaskTracker,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, DistributionError> {
        let name = image.to_string();
        let descriptor = &found.manifest.config;
        if descriptor.size > crate::manifest::LARGEST {
            return Err(document::unusable(
                &name,
                "its configuration is larger than an image's",
            ));
        }
        let wish = Wish {
            image,
            endpoints: &found.endpoints,
            transfer: Transfer {
                digest: descriptor.digest(&name)?,
                size: descriptor.size,
                part: Part::Config,
            },
            threads,
        };
        self.download(&wish, progress).await?;
        let stored = self.stored(wish.transfer.digest).await?;
        let config = stored.map(|stored| stored.bytes.to_vec()).unwrap_or_default();
        check_platform(&name, &config, platform)?;
        Ok(config)
    }

    /// Answers where an image is looked for: the mirrors of its registry, then the registry itself.
    fn endpoints(&self, image: &ImageRef) -> Vec<Endpoint> {
        let mirrors = self.shared.settings.mirrors.of(image.registry());
        let origin = Endpoint::origin(image.registry());
        mirrors.iter().cloned().chain([origin]).collect()
    }
}

/// Waits until the threads of a pull or a push are done, which is soon when it is over: what was given up is gone then.
pub(crate) async fn ended(threads: TaskTracker) {
    threads.close();
    threads.wait().await;
}

fn passed_over(endpoint: &Endpoint, error: DistributionError) -> DistributionError {
    if endpoint.is_mirror {
        tracing::debug!(%endpoint, error = &error as &dyn std::error::Error, "a mirror is passed over");
    }
    error
}

fn check_platform(name: &str, config: &[u8], wanted: Platform) -> Result<(), DistributionError> {
    let own = document::Platform::deserialize(&mut serde_json::Deserializer::from_slice(config)).map_err(
        |source| DistributionError::Malformed {
            image: name.to_owned(),
            source,
        },
    )?;
    if fits(&own, wanted) {
        Ok(())
    } else {
        Err(mismatch(name, wanted, [&own].into_iter()))
    }
}
