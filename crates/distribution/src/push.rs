//! Pushing: from an image in the store to a name in a registry.

use std::collections::BTreeMap;

use bytes::Bytes;
use coracle_content::Store;
use coracle_oci::{Compression, Image, assemble_index, load, with_compression};
use coracle_spec::{Digest, ImageRef};
use futures::FutureExt;
use http::{HeaderValue, Method, header};
use serde::{Deserialize, Serialize};

use crate::blob::Gift;
use crate::call::{Call, Payload};
use crate::client::Client;
use crate::document::Document;
use crate::endpoint::Endpoint;
use crate::error::DistributionError;
use crate::manifest::{DIGEST, LARGEST};
use crate::progress::{Outcome, Part, Progress, Transfer};
use crate::reply;
use crate::session::{Access, Session};
use crate::sink::joined;

/// How layers are pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layers {
    /// Compressed by gzip, which every engine reads.
    #[default]
    Gzip,
    /// Compressed by Zstandard, which newer engines read.
    Zstd,
    /// As they are: the image keeps its digest.
    Kept,
}

/// What a push came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The digest that the registry has now: another one than the store's when layers were compressed anew.
    pub digest: Digest,
    /// How many blobs were uploaded, how many the registry took from another repository, how many it had.
    pub blobs: Blobs,
}

/// How blobs came to be in a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Blobs {
    /// Uploaded.
    pub uploaded: usize,
    /// Taken from another repository of the registry.
    pub mounted: usize,
    /// There before.
    pub present: usize,
}

/// What is to be in the registry.
struct Prepared {
    blobs: BTreeMap<Digest, Transfer>,
    /// In the order in which they are pushed; the last one gets the name.
    manifests: Vec<Digest>,
}

impl Client {
    pub(crate) async fn do_push(
        &self,
        image: Digest,
        to: &ImageRef,
        progress: &dyn Progress,
    ) -> Result<Pushed, DistributionError> {
        let (store, layers) = (self.store.clone(), self.layers);
        let preparing = tokio::task::spawn_blocking(move || prepare(&store, image, layers));
        let prepared = joined(preparing.await)??;
        let digest = prepared.manifests.last().copied().unwrap_or(image);
        check_name(to, digest)?;
        let endpoint = Endpoint::origin(to.registry());
        let session = Session::open(&self.shared, &endpoint, to, Access::Push).await?;
        let blobs = self.push_blobs(&session, &prepared, to, progress).await?;
        self.push_manifests(&session, &prepared, to).await?;
        Ok(Pushed { digest, blobs })
    }

    async fn push_blobs(
        &self,
        session: &Session<'_>,
        prepared: &Prepared,
        to: &ImageRef,
        progress: &dyn Progress,
    ) -> Result<Blobs, DistributionError> {
        let gifts = prepared
            .blobs
            .values()
            .map(|transfer| self.gift(*transfer, to))
            .collect::<Result<Vec<_>, _>>()?;
        let uploads: Vec<_> = gifts
            .iter()
            .map(|gift| self.upload(session, gift, progress).boxed())
            .collect();
        let outcomes = self.together(uploads).await?;
        let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
        Ok(Blobs {
            uploaded: count(Outcome::Moved),
            mounted: count(Outcome::Mounted),
            present: count(Outcome::Present),
        })
    }

    fn gift<'a>(&self, transfer: Transfer, image: &'a ImageRef) -> Result<Gift<'a>, DistributionError> {
        Ok(Gift {
            image,
            blob: self.store.existing_blob(&transfer.digest)?,
            transfer,
        })
    }

    /// Pushes what an index names by digest, and what has the name last.
    async fn push_manifests(
        &self,
        session: &Session<'_>,
        prepared: &Prepared,
        to: &ImageRef,
    ) -> Result<(), DistributionError> {
        let Some((top, inner)) = prepared.manifests.split_last() else {
            return Ok(());
        };
        for digest in inner {
            self.push_manifest(session, *digest, &digest.to_string(), to)
                .await?;
        }
        let name = match (to.tag(), to.digest()) {
            (None, Some(digest)) => digest.to_string(),
            _ => to.tag_or_latest().to_owned(),
        };
        self.push_manifest(session, *top, &name, to).await
    }

    async fn push_manifest(
        &self,
        session: &Session<'_>,
        digest: Digest,
        name: &str,
        to: &ImageRef,
    ) -> Result<(), DistributionError> {
        let bytes: Bytes = self.store.existing_blob(&digest)?.read(LARGEST)?.into();
        let media_type = Document::media_type(&bytes);
        let mut call =
            Call::new(Method::PUT, session.url(&format!("manifests/{name}"))).carrying(Payload::Bytes(bytes));
        if let Ok(value) = HeaderValue::from_str(&media_type) {
            call = call.header(header::CONTENT_TYPE, value);
        }
        call.patience = Some(session.patience().commit);
        let response = session.send(&call).await?;
        if !response.status().is_success() {
            return Err(reply::unexpected(response, &to.to_string(), session.patience()).await);
        }
        let said = response
            .headers()
            .get(DIGEST)
            .and_then(|said| said.to_str().ok()?.parse().ok());
        match said.filter(|said| *said != digest) {
            Some(found) => Err(DistributionError::Mismatch {
                what: to.to_string(),
                expected: digest,
                found,
            }),
            None => Ok(()),
        }
    }
}

fn check_name(to: &ImageRef, found: Digest) -> Result<(), DistributionError> {
    match to.digest() {
        Some(expected) if *expected != found => Err(DistributionError::OtherDigest {
            expected: *expected,
            found,
        }),
        _ => Ok(()),
    }
}

/// Compresses layers as they are wanted, and lists what the registry has to have.
fn prepare(store: &Store, top: Digest, layers: Layers) -> Result<Prepared, DistributionError> {
    let mut manifests = Vec::new();
    let top = match read(store, top)? {
        Document::Manifest(_) => convert(store, top, layers)?,
        Document::Index(entries) => {
            let name = top.to_string();
            let old = entries
                .iter()
                .map(|entry| entry.digest(&name))
                .collect::<Result<Vec<_>, _>>()?;
            manifests = old
                .iter()
                .map(|digest| convert(store, *digest, layers))
                .collect::<Result<Vec<_>, _>>()?;
            if old == manifests {
                top
            } else {
                index(store, &manifests)?
            }
        }
    };
    let mut blobs = BTreeMap::new();
    let images = if manifests.is_empty() {
        vec![top]
    } else {
        manifests.clone()
    };
    for image in images {
        blobs.extend(blobs_of(store, image)?);
    }
    manifests.push(top);
    Ok(Prepared { blobs, manifests })
}

fn read(store: &Store, digest: Digest) -> Result<Document, DistributionError> {
    let bytes = store.existing_blob(&digest)?.read(LARGEST)?;
    Document::read(&digest.to_string(), &bytes)
}

/// Answers the image with its layers as they are wanted.
fn convert(store: &Store, image: Digest, layers: Layers) -> Result<Digest, DistributionError> {
    let compression = match layers {
        Layers::Gzip => Compression::Gzip,
        Layers::Zstd => Compression::Zstd,
        Layers::Kept => return Ok(image),
    };
    let image = load(store, &image)?;
    Ok(with_compression(store, &image, compression)?.manifest)
}

fn index(store: &Store, images: &[Digest]) -> Result<Digest, DistributionError> {
    let images = images
        .iter()
        .map(|image| load(store, image))
        .collect::<Result<Vec<Image>, _>>()?;
    Ok(assemble_index(store, &images)?.digest)
}

fn blobs_of(store: &Store, image: Digest) -> Result<Vec<(Digest, Transfer)>, DistributionError> {
    let name = image.to_string();
    let Document::Manifest(manifest) = read(store, image)? else {
        return Ok(Vec::new());
    };
    let layers = manifest.layers.iter().map(|layer| (layer, Part::Layer));
    layers
        .chain([(&manifest.config, Part::Config)])
        .map(|(descriptor, part)| {
            let digest = descriptor.digest(&name)?;
            let size = descriptor.size;
            Ok((digest, Transfer { digest, size, part }))
        })
        .collect()
}
