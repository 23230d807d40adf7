//! One file on its way: attempts, redirects, resumption, limit and hash.
//!
//! ```text
//! attempt ──▶ 2xx ──▶ body ──▶ done ──▶ hash compared
//!    ▲          │       │
//!    └─ pause ◀─┴───────┴── connection broken, 429, 5xx (until the attempts are used up)
//! ```

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Body, Error};

use crate::checksum::{Checksum, ChecksumHasher};
use crate::error::{FetchError, is_tls_refusal, obstacle};
use crate::fetcher::Fetcher;
use crate::progress::Progress;
use crate::url::SafeUrl;

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// The longest pause between two attempts, whatever the server asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

const CHUNK: usize = 128 * 1024;

/// One file on its way.
pub(crate) struct Transfer<'a> {
    fetcher: &'a Fetcher,
    url: &'a str,
    accept: Option<&'a str>,
    fresh: bool,
    limit: u64,
    checksum: Option<&'a Checksum>,
    hasher: Option<ChecksumHasher>,
    written: u64,
}

/// How an attempt ended when it did not succeed.
enum Setback {
    /// Another attempt would end the same way.
    Final(FetchError),
    /// Another attempt may succeed, after the pause that the server asks for.
    Passing(FetchError, Option<Duration>),
}

impl From<FetchError> for Setback {
    fn from(error: FetchError) -> Self {
        Self::Final(error)
    }
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(fetcher: &'a Fetcher, url: &'a str, limit: u64) -> Self {
        Self {
            fetcher,
            url,
            accept: None,
            fresh: false,
            limit,
            checksum: None,
            hasher: None,
            written: 0,
        }
    }

    pub(crate) fn accepting(mut self, media_type: Option<&'a str>) -> Self {
        self.accept = media_type;
        self
    }

    /// Lets no cache on the way answer without asking the server: what is named by no checksum may have changed.
    pub(crate) fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    pub(crate) fn checking(mut self, checksum: &'a Checksum) -> Self {
        self.hasher = Some(checksum.hasher());
        self.checksum = Some(checksum);
        self
    }

    /// Moves the file; answers its size.
    pub(crate) fn run(mut self, to: &mut dyn Write, progress: &dyn Progress) -> Result<u64, FetchError> {
        let mut pause = self.fetcher.backoff();
        for left in (0..self.fetcher.attempts()).rev() {
            match self.attempt(to, progress) {
                Ok(()) => return self.finish(),
                Err(Setback::Passing(error, asked)) if left > 0 => {
                    tracing::debug!(url = %self.safe_url(), %error, "another attempt follows");
                    thread::sleep(asked.unwrap_or(pause).min(LONGEST_PAUSE));
                    pause *= 2;
                }
                Err(Setback::Final(error) | Setback::Passing(error, _)) => return Err(error),
            }
        }
        Err(FetchError::Cancelled(self.safe_url()))
    }

    fn attempt(&mut self, to: &mut dyn Write, progress: &dyn Progress) -> Result<(), Setback> {
        let response = self.request()?;
        let skip = self.bytes_to_skip(&response);
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        self.copy(&mut body, skip, to, progress)
    }

    /// Sends the request, follows redirects, and answers a response with a body to use.
    fn request(&self) -> Result<Response<Body>, Setback> {
        let mut uri: Uri = self
            .url
            .parse()
            .map_err(|_| FetchError::InvalidUrl(self.safe_url()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(FetchError::InvalidUrl(self.safe_url()).into());
        }
        for _ in 0..=REDIRECTS {
            let response = self.send(&uri)?;
            match redirect(&uri, &response) {
                None => return self.accept_status(response),
                Some(next) => uri = self.may_follow(&uri, &next)?,
            }
        }
        Err(self.not_followed(&uri.to_string()).into())
    }

    fn send(&self, uri: &Uri) -> Result<Response<Body>, Setback> {
        let mut request = self.fetcher.agent(uri).get(uri);
        if let Some(media_type) = self.accept {
            request = request.header(header::ACCEPT, media_type);
        }
        if self.fresh {
            request = request.header(header::CACHE_CONTROL, "max-age=0");
        }
        if self.written > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", self.written));
        }
        request.call().map_err(|source| self.broken(&source))
    }

    fn accept_status(&self, response: Response<Body>) -> Result<Response<Body>, Setback> {
        let url = self.safe_url();
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::NotFound(url).into()),
            status => {
                let error = FetchError::Status {
                    url,
                    status: status.as_u16(),
                };
                let passing = status.is_server_error()
                    || matches!(
                        status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    );
                if passing {
                    Err(Setback::Passing(error, asked_pause(&response)))
                } else {
                    Err(error.into())
                }
            }
        }
    }

    /// Answers how many bytes of the body were written by an earlier attempt: all of them, unless the server
    /// continues from there.
    fn bytes_to_skip(&self, response: &Response<Body>) -> u64 {
        let continues = response.status() == StatusCode::PARTIAL_CONTENT
            && response
                .headers()
                .get(header::CONTENT_RANGE)
                .and_then(|range| range.to_str().ok())
                .is_some_and(|range| range.starts_with(&format!("bytes {}-", self.written)));
        if continues { 0 } else { self.written }
    }

    fn copy(
        &mut self,
        body: &mut dyn Read,
        mut skip: u64,
        to: &mut dyn Write,
        progress: &dyn Progress,
    ) -> Result<(), Setback> {
        let mut chunk = vec![0; CHUNK];
        loop {
            if progress.cancelled() {
                return Err(FetchError::Cancelled(self.safe_url()).into());
            }
            let count = body
                .read(&mut chunk)
                .map_err(|error| self.broken(&Error::from(error)))?;
            if count == 0 {
                return Ok(());
            }
            let known = usize::try_from(skip).map_or(count, |skip| skip.min(count));
            skip -= known as u64;
            self.keep(&chunk[known..count], to)?;
            progress.advanced((count - known) as u64);
        }
    }

    fn keep(&mut self, bytes: &[u8], to: &mut dyn Write) -> Result<(), FetchError> {
        self.written += bytes.len() as u64;
        if self.written > self.limit {
            return Err(FetchError::TooLarge {
                url: self.safe_url(),
                limit: self.limit,
            });
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        to.write_all(bytes).map_err(|source| FetchError::Write {
            url: self.safe_url(),
            source,
        })
    }

    fn finish(self) -> Result<u64, FetchError> {
        let url = self.safe_url();
        if let (Some(expected), Some(hasher)) = (self.checksum, self.hasher) {
            let actual = hasher.finish();
            if actual != *expected {
                return Err(FetchError::WrongContent {
                    url,
                    expected: expected.clone(),
                    actual,
                });
            }
        }
        Ok(self.written)
    }

    fn may_follow(&self, from: &Uri, to: &str) -> Result<Uri, FetchError> {
        let next: Uri = to.parse().map_err(|_| self.not_followed(to))?;
        let allowed = match (from.scheme_str(), next.scheme_str()) {
            (Some("http"), Some("http" | "https")) => true,
            (_, scheme) => scheme == Some("https"),
        };
        if allowed {
            Ok(next)
        } else {
            Err(self.not_followed(to))
        }
    }

    fn not_followed(&self, to: &str) -> FetchError {
        FetchError::Redirect {
            url: self.safe_url(),
            to: SafeUrl::of(to),
        }
    }

    fn broken(&self, source: &Error) -> Setback {
        let passing = matches!(
            source,
            Error::Io(_)
                | Error::Timeout(_)
                | Error::HostNotFound
                | Error::ConnectionFailed
                | Error::Protocol(_)
                | Error::ConnectProxyFailed(_)
        );
        let passing = passing && !is_tls_refusal(source);
        let error = FetchError::Unreachable {
            url: self.safe_url(),
            source: obstacle(source),
        };
        if passing {
            Setback::Passing(error, None)
        } else {
            Setback::Final(error)
        }
    }

    fn safe_url(&self) -> SafeUrl {
        SafeUrl::of(self.url)
    }
}

/// Answers where a redirect leads.
fn redirect(uri: &Uri, response: &Response<Body>) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    Some(match location {
        absolute if absolute.contains("://") => absolute.to_owned(),
        network if network.starts_with("//") => format!("{scheme}:{network}"),
        path if path.starts_with('/') => format!("{scheme}://{authority}{path}"),
        relative => {
            let folder = uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{relative}")
        }
    })
}

fn asked_pause(response: &Response<Body>) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}
