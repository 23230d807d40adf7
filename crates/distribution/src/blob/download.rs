//! A blob into the store: verified, and resumed where the connection broke (RFC 9110 §14, range requests).

use coracle_content::{Store, StoreError};
use coracle_fetch::SafeUrl;
use coracle_spec::{Digest, ImageRef};
use http::{HeaderValue, Method, StatusCode, header};
use reqwest::Response;
use tokio_util::task::TaskTracker;

use crate::attempt::{Attempts, Setback};
use crate::call::Call;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::{Broken, DistributionError};
use crate::progress::{Outcome, Progress, Transfer};
use crate::reply;
use crate::session::{Access, Session, unreachable};
use crate::sink::{Sink, joined};

/// How many bytes have to come before attempts are counted anew.
const ACHIEVEMENT: u64 = 1 << 20;

/// A blob that is wanted.
pub(crate) struct Wish<'a> {
    /// The image that it is of.
    pub(crate) image: &'a ImageRef,
    /// Where it is looked for, in order.
    pub(crate) endpoints: &'a [Endpoint],
    /// What is wanted.
    pub(crate) transfer: Transfer,
    /// The threads that write.
    pub(crate) threads: &'a TaskTracker,
}

impl Client {
    /// Sees to it that a blob is there.
    pub(crate) async fn download(
        &self,
        wish: &Wish<'_>,
        progress: &dyn Progress,
    ) -> Result<(), DistributionError> {
        let turn = self.shared.turns.of(wish.transfer.digest);
        let _turn = turn.lock().await;
        progress.started(&wish.transfer);
        let outcome = if self.has(wish.transfer.digest).await? {
            Outcome::Present
        } else {
            self.fetch_blob(wish, progress).await?;
            self.note_moved(wish.transfer.digest).await?;
            Outcome::Moved
        };
        progress.ended(&wish.transfer, outcome);
        Ok(())
    }

    async fn has(&self, digest: Digest) -> Result<bool, DistributionError> {
        let client = self.clone();
        let look = move || client.holds(&digest);
        Ok(joined(tokio::task::spawn_blocking(look).await)??)
    }

    async fn note_moved(&self, digest: Digest) -> Result<(), DistributionError> {
        let client = self.clone();
        let note = move || client.note_held(&digest);
        Ok(joined(tokio::task::spawn_blocking(note).await)??)
    }

    /// Fetches a blob from the first endpoint that has it, and has it right.
    async fn fetch_blob(&self, wish: &Wish<'_>, progress: &dyn Progress) -> Result<(), DistributionError> {
        let mut last = None;
        for endpoint in wish.endpoints {
            match self.fetch_from(endpoint, wish, progress).await {
                Ok(()) => return Ok(()),
                Err(error @ DistributionError::Store(_)) => return Err(error),
                Err(error) => {
                    tracing::debug!(%endpoint, error = &error as &dyn std::error::Error, "no blob from there");
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or(DistributionError::Cancelled))
    }

    async fn fetch_from(
        &self,
        endpoint: &Endpoint,
        wish: &Wish<'_>,
        progress: &dyn Progress,
    ) -> Result<(), DistributionError> {
        let session = Session::open(&self.shared, endpoint, wish.image, Access::Pull).await?;
        let mut download = Download::begin(&session, wish, &self.store);
        let mut attempts = Attempts::new(*session.patience());
        loop {
            let before = download.sink.written();
            match download.attempt(progress).await {
                Ok(()) => return download.finish().await,
                Err(setback) => {
                    if download.sink.written() - before >= ACHIEVEMENT {
                        attempts.begin_anew();
                    }
                    attempts.pause(setback).await?;
                }
            }
        }
    }
}

/// One blob on its way from one endpoint.
struct Download<'a> {
    session: &'a Session<'a>,
    wish: &'a Wish<'a>,
    what: String,
    sink: Sink,
}

impl<'a> Download<'a> {
    fn begin(session: &'a Session<'a>, wish: &'a Wish<'a>, store: &Store) -> Self {
        Self {
            session,
            wish,
            what: format!("{} of {}", wish.transfer.digest, wish.image),
            sink: Sink::open(store, wish.threads),
        }
    }

    /// Fetches what is missing, as far as it comes.
    async fn attempt(&mut self, progress: &dyn Progress) -> Result<(), Setback> {
        let response = self.session.attempt(&self.call()).await?;
        let skip = match response.status() {
            StatusCode::OK => self.sink.written(),
            StatusCode::PARTIAL_CONTENT if self.continues(&response) => 0,
            StatusCode::PARTIAL_CONTENT => {
                return Err(self.protocol("another range than was asked for").into());
            }
            _ => {
                return Err(reply::unexpected(response, &self.what, self.session.patience())
                    .await
                    .into());
            }
        };
        self.copy(response, skip, progress).await
    }

    fn call(&self) -> Call {
        let path = format!("blobs/{}", self.wish.transfer.digest);
        let call = Call::new(Method::GET, self.session.url(&path));
        let range = format!("bytes={}-", self.sink.written());
        match HeaderValue::from_str(&range) {
            Ok(range) if self.sink.written() > 0 => call.header(header::RANGE, range),
            _ => call,
        }
    }

    fn continues(&self, response: &Response) -> bool {
        let range = response.headers().get(header::CONTENT_RANGE);
        let range = range.and_then(|range| range.to_str().ok()).unwrap_or_default();
        range.starts_with(&format!("bytes {}-", self.sink.written()))
    }

    /// Copies a body without its first `skip` bytes, which an earlier attempt has brought.
    async fn copy(
        &mut self,
        mut response: Response,
        mut skip: u64,
        progress: &dyn Progress,
    ) -> Result<(), Setback> {
        let transfer = &self.wish.transfer;
        loop {
            let piece = reply::chunk(&mut response, self.session.patience()).await;
            let Some(mut piece) = piece.map_err(|broken| self.broken(broken))? else {
                break;
            };
            let known = usize::try_from(skip).map_or(piece.len(), |skip| skip.min(piece.len()));
            let piece = piece.split_off(known);
            skip -= known as u64;
            if self.sink.written() + piece.len() as u64 > transfer.size {
                return Err(self.protocol("more bytes than the manifest says").into());
            }
            progress.advanced(transfer, piece.len() as u64);
            if !self.sink.push(piece).await {
                // Its end says why.
                return Ok(());
            }
        }
        match self.sink.written() {
            got if got == transfer.size => Ok(()),
            got => Err(self.broken(Broken::Short {
                got,
                expected: transfer.size,
            })),
        }
    }

    async fn finish(self) -> Result<(), DistributionError> {
        let expected = self.wish.transfer.digest;
        match self.sink.finish(expected).await {
            Err(DistributionError::Store(StoreError::Mismatch { found, .. })) => {
                Err(DistributionError::Mismatch {
                    what: self.what,
                    expected,
                    found,
                })
            }
            result => result.map(drop),
        }
    }

    fn broken(&self, broken: Broken) -> Setback {
        let url = self.call().url;
        Setback::Passing(unreachable(&url, broken), None)
    }

    fn protocol(&self, problem: &str) -> DistributionError {
        DistributionError::Protocol {
            url: SafeUrl::of(self.call().url.as_str()),
            problem: problem.to_owned(),
        }
    }
}
