//! Pushing: from an image in the store to a name in a registry.

mod pieces;

use bytes::Bytes;
use coracle_spec::{Digest, ImageRef};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, future};
use http::{HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;

use crate::blob::Gift;
use crate::call::{Call, Payload};
use crate::client::Client;
use crate::document::Document;
use crate::endpoint::Endpoint;
use crate::error::DistributionError;
use crate::manifest::{DIGEST, LARGEST};
use crate::progress::{Outcome, Progress, Transfer};
use crate::reply;
use crate::session::{Access, Session};

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

impl Blobs {
    /// Counts one more.
    fn and(mut self, outcome: Outcome) -> Self {
        let count = match outcome {
            Outcome::Moved => &mut self.uploaded,
            Outcome::Mounted => &mut self.mounted,
            Outcome::Present => &mut self.present,
        };
        *count += 1;
        self
    }
}

impl Client {
    pub(crate) async fn do_push(
        &self,
        image: Digest,
        to: &ImageRef,
        threads: &TaskTracker,
        progress: &dyn Progress,
    ) -> Result<Pushed, DistributionError> {
        self.check_name(image, to, threads).await?;
        let made = self.made(self.pieces(image).await?, threads);
        let endpoint = Endpoint::origin(to.registry());
        let session = Session::open(&self.shared, &endpoint, to, Access::Push).await?;
        let blobs = self.push_blobs(&session, made, to, progress).await?;
        let manifests = self.manifests(image).await?;
        self.push_manifests(&session, &manifests, to).await?;
        let digest = manifests.last().copied().unwrap_or(image);
        Ok(Pushed { digest, blobs })
    }

    /// Compares the digest that a name has, if it has one, with the image's, before any of it is sent.
    async fn check_name(
        &self,
        image: Digest,
        to: &ImageRef,
        threads: &TaskTracker,
    ) -> Result<(), DistributionError> {
        let Some(expected) = to.digest() else {
            return Ok(());
        };
        let pieces = self.pieces(image).await?;
        self.made(pieces, threads)
            .try_for_each(|_| future::ok(()))
            .await?;
        match self.manifests(image).await?.last() {
            Some(found) if found != expected => Err(DistributionError::OtherDigest {
                expected: *expected,
                found: *found,
            }),
            _ => Ok(()),
        }
    }

    async fn push_blobs(
        &self,
        session: &Session<'_>,
        made: impl Stream<Item = Result<Transfer, DistributionError>> + Send,
        to: &ImageRef,
        progress: &dyn Progress,
    ) -> Result<Blobs, DistributionError> {
        let send = |transfer| self.push_blob(session, transfer, to, progress).boxed();
        made.map(send)
            .buffer_unordered(self.shared.settings.concurrency.max(1))
            .try_fold(Blobs::default(), |blobs, outcome| future::ok(blobs.and(outcome)))
            .await
    }

    async fn push_blob(
        &self,
        session: &Session<'_>,
        transfer: Result<Transfer, DistributionError>,
        to: &ImageRef,
        progress: &dyn Progress,
    ) -> Result<Outcome, DistributionError> {
        let gift = self.gift(transfer?, to)?;
        self.upload(session, &gift, progress).await
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
        manifests: &[Digest],
        to: &ImageRef,
    ) -> Result<(), DistributionError> {
        let Some((top, inner)) = manifests.split_last() else {
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
            None => Ok(self.note_held(&digest)?),
        }
    }
}
