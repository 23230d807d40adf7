//! One request to a registry, which can be sent again.

use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::Notify;
use tokio_util::io::ReaderStream;

use crate::error::Broken;

/// How much of a file is read at once, in bytes.
const PIECE: usize = 128 << 10;

/// One request to a registry.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    /// Another repository that has to be readable for it.
    pub(crate) also_reads: Option<String>,
    /// How long the beginning of the answer may take, instead of the usual time.
    pub(crate) patience: Option<Duration>,
}

/// What a request carries.
#[derive(Debug)]
pub(crate) enum Payload {
    /// Nothing.
    Empty,
    /// Some bytes.
    Bytes(Bytes),
    /// A file's end.
    File(FileEnd),
}

/// The end of a file.
#[derive(Debug)]
pub(crate) struct FileEnd {
    /// The file.
    pub(crate) path: PathBuf,
    /// Where the end begins.
    pub(crate) from: u64,
    /// The size of the file.
    pub(crate) size: u64,
    /// Hears how many bytes were given to the connection.
    pub(crate) moved: Arc<Moved>,
}

/// How many bytes were given to a connection, for somebody who listens.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    bytes: AtomicU64,
    news: Notify,
}

impl Moved {
    /// Waits until there are more; answers how many more.
    pub(crate) async fn more(&self) -> u64 {
        self.news.notified().await;
        self.bytes.swap(0, Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.news.notify_one();
    }
}

impl Call {
    /// Makes a call.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            also_reads: None,
            patience: None,
        }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Gives it something to carry.
    pub(crate) fn carrying(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Makes the request.
    pub(crate) async fn request(&self, client: &reqwest::Client) -> Result<reqwest::RequestBuilder, Broken> {
        let request = client
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone());
        Ok(match &self.payload {
            // Some registries insist on a length, also of nothing.
            Payload::Empty if self.method == Method::GET || self.method == Method::HEAD => request,
            Payload::Empty => request.header(header::CONTENT_LENGTH, 0),
            Payload::Bytes(bytes) => request.body(bytes.clone()),
            Payload::File(end) => request
                .header(header::CONTENT_LENGTH, end.size - end.from)
                .body(end.body().await.map_err(Broken::Source)?),
        })
    }
}

impl FileEnd {
    async fn body(&self) -> std::io::Result<reqwest::Body> {
        let mut file = tokio::fs::File::open(&self.path).await?;
        file.seek(SeekFrom::Start(self.from)).await?;
        let end = file.take(self.size - self.from);
        let moved = Arc::clone(&self.moved);
        let pieces = ReaderStream::with_capacity(end, PIECE)
            .inspect(move |piece| moved.add(piece.as_ref().map_or(0, Bytes::len)));
        Ok(reqwest::Body::wrap_stream(pieces))
    }
}
