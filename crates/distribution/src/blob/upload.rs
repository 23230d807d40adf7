//! A blob into a registry (distribution-spec, "Pushing blobs"): asked for, mounted, or uploaded and resumed.
//!
//! ```text
//! HEAD ─► there ─► done          POST ─► session ─► PATCH ─────────────────► PUT ─► HEAD, if that is lost ─► done
//!   └─► POST ?mount ─► done        ▲                  └─► broken ─► GET ─► PATCH of the rest
//!                                  └───────────────────────────────┘ unknown there
//! ```
//!
//! A registry is asked to mount from where we know the blob to be; a server of ours finds it by itself.
//!
//! The whole blob is one chunk: chunks of a fixed size cost a round trip each, and every registry has its own idea of
//! how large one may be.

use std::sync::Arc;

use bytes::Bytes;
use coracle_content::Blob;
use coracle_fetch::SafeUrl;
use coracle_spec::ImageRef;
use http::{HeaderValue, Method, StatusCode, header};
use reqwest::{Response, Url};
use tokio::time::{Instant, sleep_until};

use crate::attempt::{Attempts, Setback};
use crate::call::{Call, FileEnd, Moved, Payload};
use crate::client::Client;
use crate::error::{Broken, DistributionError};
use crate::progress::{Outcome, Progress, Transfer};
use crate::reply;
use crate::session::{Session, unreachable};
use crate::sink::joined;

/// The largest blob that is sent together with its end, in bytes.
const SMALL: u64 = 256 << 10;

/// A blob that a registry is to have.
pub(crate) struct Gift<'a> {
    /// The image that it is of.
    pub(crate) image: &'a ImageRef,
    /// The blob.
    pub(crate) blob: Blob,
    /// What is moved.
    pub(crate) transfer: Transfer,
}

/// How an upload starts.
enum Start {
    /// It is done: the registry had the blob elsewhere.
    Mounted,
    /// Bytes go there.
    At(Url),
}

/// Where a registry may have a blob already.
enum Elsewhere {
    /// In this repository.
    In(String),
    /// Wherever it finds it.
    Anywhere,
}

impl Client {
    /// Sees to it that the registry has a blob; answers how.
    pub(crate) async fn upload(
        &self,
        session: &Session<'_>,
        gift: &Gift<'_>,
        progress: &dyn Progress,
    ) -> Result<Outcome, DistributionError> {
        progress.started(&gift.transfer);
        let elsewhere = self.elsewhere(gift).await?;
        let upload = Upload {
            session,
            gift,
            progress,
        };
        let outcome = if upload.is_there().await? {
            Outcome::Present
        } else {
            upload.run(elsewhere).await?
        };
        self.note_place(gift).await?;
        progress.ended(&gift.transfer, outcome);
        Ok(outcome)
    }

    async fn elsewhere(&self, gift: &Gift<'_>) -> Result<Option<Elsewhere>, DistributionError> {
        if self.shared.settings.server.is_some() {
            return Ok(Some(Elsewhere::Anywhere));
        }
        let (client, image, digest) = (self.clone(), gift.image.clone(), gift.blob.digest);
        let look = move || client.places(&image).other_than(&digest, image.repository());
        let known = joined(tokio::task::spawn_blocking(look).await)??;
        Ok(known.map(Elsewhere::In))
    }

    async fn note_place(&self, gift: &Gift<'_>) -> Result<(), DistributionError> {
        let (client, image, digest) = (self.clone(), gift.image.clone(), gift.blob.digest);
        let note = move || {
            if client.shared.settings.server.is_none() {
                client.places(&image).note(&digest, image.repository())?;
            }
            client.note_held(&digest)
        };
        Ok(joined(tokio::task::spawn_blocking(note).await)??)
    }
}

/// One blob on its way to a registry.
struct Upload<'a> {
    session: &'a Session<'a>,
    gift: &'a Gift<'a>,
    progress: &'a dyn Progress,
}

impl Upload<'_> {
    async fn is_there(&self) -> Result<bool, DistributionError> {
        let url = self.session.url(&format!("blobs/{}", self.gift.blob.digest));
        let response = self.session.send(&Call::new(Method::HEAD, url)).await?;
        Ok(response.status().is_success())
    }

    async fn run(&self, elsewhere: Option<Elsewhere>) -> Result<Outcome, DistributionError> {
        let start = match elsewhere {
            Some(elsewhere) => self.mount(elsewhere).await?,
            None => Start::At(self.begin().await?),
        };
        match start {
            Start::Mounted => Ok(Outcome::Mounted),
            Start::At(location) => {
                self.send(location).await?;
                Ok(Outcome::Moved)
            }
        }
    }

    /// Asks the registry to take the blob from elsewhere. Whatever it says against that, an upload is begun.
    async fn mount(&self, elsewhere: Elsewhere) -> Result<Start, DistributionError> {
        let mut url = self.session.url("blobs/uploads/");
        url.query_pairs_mut()
            .append_pair("mount", &self.gift.blob.digest.to_string());
        let mut call = Call::new(Method::POST, url);
        if let Elsewhere::In(other) = elsewhere {
            call.url.query_pairs_mut().append_pair("from", &other);
            call.also_reads = Some(other);
        }
        match self.session.send(&call).await {
            Ok(response) if response.status() == StatusCode::CREATED => Ok(Start::Mounted),
            Ok(response) if response.status() == StatusCode::ACCEPTED => Ok(Start::At(location(&response)?)),
            _ => Ok(Start::At(self.begin().await?)),
        }
    }

    async fn begin(&self) -> Result<Url, DistributionError> {
        let url = self.session.url("blobs/uploads/");
        let response = self.session.send(&Call::new(Method::POST, url)).await?;
        if response.status() == StatusCode::ACCEPTED {
            return location(&response);
        }
        Err(self.unexpected(response).await)
    }

    async fn send(&self, at: Url) -> Result<(), DistributionError> {
        if self.gift.blob.size <= SMALL {
            return self.commit(at, Payload::Bytes(self.bytes()?)).await;
        }
        let end = self.send_body(at).await?;
        self.commit(end, Payload::Empty).await
    }

    fn bytes(&self) -> Result<Bytes, DistributionError> {
        Ok(self.gift.blob.read(SMALL)?.into())
    }

    /// Sends the blob, again from where it broke; answers where its end goes.
    async fn send_body(&self, mut at: Url) -> Result<Url, DistributionError> {
        let mut attempts = Attempts::new(*self.session.patience());
        let mut from = 0;
        loop {
            match self.patch(&at, from).await {
                Ok(next) => return Ok(next),
                Err(setback) => attempts.pause(setback).await?,
            }
            let before = from;
            (at, from) = self.resume(at).await?;
            if from > before {
                attempts.begin_anew();
            }
        }
    }

    /// Sends the blob from `from` on.
    async fn patch(&self, at: &Url, from: u64) -> Result<Url, Setback> {
        let size = self.gift.blob.size;
        let moved = Arc::new(Moved::default());
        let mut call = Call::new(Method::PATCH, at.clone()).header(header::CONTENT_TYPE, octets());
        if from > 0
            && let Ok(range) = HeaderValue::from_str(&format!("{from}-{}", size - 1))
        {
            call = call.header(header::CONTENT_RANGE, range);
        }
        call.patience = Some(std::time::Duration::MAX);
        call.payload = Payload::File(FileEnd {
            path: self.gift.blob.path.clone(),
            from,
            size,
            moved: Arc::clone(&moved),
        });
        let response = self.watched(&call, &moved, size - from).await?;
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::CREATED | StatusCode::NO_CONTENT => {
                Ok(location(&response).unwrap_or_else(|_| at.clone()))
            }
            // The registry has other bytes than it said, or lost the session.
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::NOT_FOUND => {
                Err(Setback::Passing(self.unexpected(response).await, None))
            }
            _ => Err(self.unexpected(response).await.into()),
        }
    }

    /// Sends a call with a body, as long as it gets on.
    async fn watched(&self, call: &Call, moved: &Moved, mut left: u64) -> Result<Response, Setback> {
        let patience = self.session.patience();
        let mut sending = std::pin::pin!(self.session.attempt(call));
        let mut until = Instant::now() + patience.stall;
        loop {
            tokio::select! {
                result = &mut sending => return result,
                bytes = moved.more() => {
                    self.progress.advanced(&self.gift.transfer, bytes);
                    left = left.saturating_sub(bytes);
                    until = Instant::now() + if left > 0 { patience.stall } else { patience.commit };
                }
                () = sleep_until(until) => {
                    let stalled = Broken::Stalled(patience.stall);
                    return Err(Setback::Passing(unreachable(&call.url, stalled), None));
                }
            }
        }
    }

    /// Asks how far an upload got, and begins another when that is not known.
    async fn resume(&self, at: Url) -> Result<(Url, u64), DistributionError> {
        let response = self.session.send(&Call::new(Method::GET, at.clone())).await;
        if let Ok(response) = response
            && response.status().is_success()
            && let Some(received) = received(&response).filter(|received| *received < self.gift.blob.size)
        {
            return Ok((location(&response).unwrap_or(at), received));
        }
        Ok((self.begin().await?, 0))
    }

    /// Ends an upload. An answer that was lost is made up for by a look.
    async fn commit(&self, mut at: Url, payload: Payload) -> Result<(), DistributionError> {
        at.query_pairs_mut()
            .append_pair("digest", &self.gift.blob.digest.to_string());
        let mut call = Call::new(Method::PUT, at)
            .header(header::CONTENT_TYPE, octets())
            .carrying(payload);
        call.patience = Some(self.session.patience().commit);
        let result = self.session.send(&call).await;
        if let Ok(response) = &result
            && matches!(response.status(), StatusCode::CREATED | StatusCode::NO_CONTENT)
        {
            return Ok(());
        }
        if self.is_there().await? {
            return Ok(());
        }
        Err(self.unexpected(result?).await)
    }

    async fn unexpected(&self, response: Response) -> DistributionError {
        let what = format!("{} of {}", self.gift.blob.digest, self.gift.image);
        reply::unexpected(response, &what, self.session.patience()).await
    }
}

fn octets() -> HeaderValue {
    HeaderValue::from_static("application/octet-stream")
}

/// Answers where the next request of an upload goes.
fn location(response: &Response) -> Result<Url, DistributionError> {
    let text = response.headers().get(header::LOCATION);
    let url = text.and_then(|text| response.url().join(text.to_str().ok()?).ok());
    url.ok_or_else(|| DistributionError::Protocol {
        url: SafeUrl::of(response.url().as_str()),
        problem: "no place to upload to".to_owned(),
    })
}

/// Answers how many bytes an upload has, as `Range: 0-N` says. `0-0` is what registries say of one byte and of none.
fn received(response: &Response) -> Option<u64> {
    let range = response.headers().get(header::RANGE)?.to_str().ok()?;
    let (first, last) = range.trim_start_matches("bytes=").split_once('-')?;
    let last: u64 = last.trim().parse().ok()?;
    (first.trim() == "0" && last > 0).then(|| last + 1)
}
