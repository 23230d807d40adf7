//! Fetching manifests: by tag or digest, from the store when they are there for whoever asks.

use bytes::Bytes;
use coracle_spec::{Digest, ImageRef};
use http::{HeaderValue, Method, StatusCode, header};

use crate::call::Call;
use crate::client::Client;
use crate::document::ACCEPTED;
use crate::error::DistributionError;
use crate::reply;
use crate::session::Session;
use crate::sink::joined;

/// The most that a manifest may have, in bytes.
pub(crate) const LARGEST: u64 = 4 << 20;

/// What a registry says a tag's digest is.
pub(crate) const DIGEST: &str = "docker-content-digest";

/// A manifest's bytes, in the store too.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    pub(crate) digest: Digest,
    pub(crate) bytes: Bytes,
}

impl Client {
    /// Reads a manifest from the store; nothing when it is not [there](Client::holds).
    pub(crate) async fn stored(&self, digest: Digest) -> Result<Option<Fetched>, DistributionError> {
        let client = self.clone();
        let read = move || {
            if !client.holds(&digest)? {
                return Ok(None);
            }
            client.store.existing_blob(&digest)?.read(LARGEST).map(Some)
        };
        let bytes = joined(tokio::task::spawn_blocking(read).await)??;
        Ok(bytes.map(|bytes| Fetched {
            digest,
            bytes: bytes.into(),
        }))
    }

    /// Fetches the manifest that `image` names: its digest, else its tag.
    pub(crate) async fn named(
        &self,
        session: &Session<'_>,
        image: &ImageRef,
    ) -> Result<Fetched, DistributionError> {
        match image.digest() {
            Some(digest) => self.by_digest(session, *digest, image).await,
            None => self.by_tag(session, image).await,
        }
    }

    /// Asks for the tag's digest first, which costs a registry less than the manifest, and us nothing more when the
    /// store has it.
    async fn by_tag(&self, session: &Session<'_>, image: &ImageRef) -> Result<Fetched, DistributionError> {
        let tag = image.tag_or_latest();
        let response = session.send(&call(session, Method::HEAD, tag)).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(reply::unexpected(response, &image.to_string(), session.patience()).await);
        }
        let digest = response.headers().get(DIGEST);
        match digest.and_then(|digest| digest.to_str().ok()?.parse().ok()) {
            Some(digest) if response.status().is_success() => self.by_digest(session, digest, image).await,
            _ => self.fetch(session, tag, image).await,
        }
    }

    /// Fetches a manifest by its digest, unless it is there.
    pub(crate) async fn by_digest(
        &self,
        session: &Session<'_>,
        digest: Digest,
        image: &ImageRef,
    ) -> Result<Fetched, DistributionError> {
        if let Some(stored) = self.stored(digest).await? {
            return Ok(stored);
        }
        let fetched = self.fetch(session, &digest.to_string(), image).await?;
        if fetched.digest != digest {
            return Err(DistributionError::Mismatch {
                what: image.to_string(),
                expected: digest,
                found: fetched.digest,
            });
        }
        Ok(fetched)
    }

    /// Fetches a manifest; the store keeps it when the caller has found it to be what it should be.
    async fn fetch(
        &self,
        session: &Session<'_>,
        name: &str,
        image: &ImageRef,
    ) -> Result<Fetched, DistributionError> {
        let response = session.send(&call(session, Method::GET, name)).await?;
        if !response.status().is_success() {
            return Err(reply::unexpected(response, &image.to_string(), session.patience()).await);
        }
        let bytes = reply::body(response, LARGEST, session.patience()).await?;
        let digest = Digest::of(&bytes);
        Ok(Fetched { digest, bytes })
    }

    /// Puts a manifest into the store.
    pub(crate) async fn keep(&self, fetched: &Fetched) -> Result<(), DistributionError> {
        let (client, bytes) = (self.clone(), fetched.bytes.clone());
        let put = move || {
            let blob = client.store.put_blob(&bytes)?;
            client.note_held(&blob.digest)
        };
        Ok(joined(tokio::task::spawn_blocking(put).await)??)
    }
}

fn call(session: &Session<'_>, method: Method, name: &str) -> Call {
    Call::new(method, session.url(&format!("manifests/{name}")))
        .header(header::ACCEPT, HeaderValue::from_static(ACCEPTED))
}
