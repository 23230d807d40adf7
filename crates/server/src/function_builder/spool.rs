//! Bodies on their way in: written to disk whole, since only the last byte tells whether the signature fits, and
//! looked into only then. Nothing of a body that is refused stays.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use coracle_content::StoreError;
use coracle_platform::{FunctionBuilder, SignatureError, Spooled, Tenant, Verifier};
use coracle_spec::{Class, Failure};
use futures::StreamExt as _;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::SIGNATURE;

/// The most bytes of a body.
const LARGEST: u64 = 512 << 20;
/// The most bodies that come in at once; with the size of each, what strangers may take of the disk.
const MOST: usize = 16;
/// How long a body may pause.
const PAUSE: Duration = Duration::from_mins(1);
/// How long a body may take.
const WHOLE: Duration = Duration::from_mins(30);

/// Where bodies come in.
#[derive(Clone)]
pub(crate) struct Spools {
    places: Arc<Semaphore>,
}

impl fmt::Debug for Spools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spools({} free)", self.places.available_permits())
    }
}

impl Default for Spools {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST)),
        }
    }
}

/// Why a body is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpoolError {
    /// It broke off.
    #[error("the upload broke off")]
    Broken(#[source] axum::Error),
    /// It stopped coming, or came too slowly.
    #[error("the upload took too long")]
    Slow,
    /// It is too large.
    #[error("the body is larger than {} MiB", LARGEST >> 20)]
    TooLarge,
    /// Too many come in.
    #[error("{limit} uploads are on their way already")]
    TooMany {
        /// How many may come in at once.
        limit: usize,
    },
    /// The disk refused.
    #[error("cannot keep the body")]
    Write(#[from] std::io::Error),
    /// The store refused.
    #[error("cannot keep the body")]
    Store(#[from] StoreError),
    /// Nobody who may sent it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Failure for SpoolError {
    fn class(&self) -> Class {
        match self {
            Self::Broken(_) | Self::Slow | Self::TooLarge => Class::User,
            Self::TooMany { .. } => Class::Busy,
            Self::Write(error) if error.kind() == std::io::ErrorKind::StorageFull => Class::Unavailable,
            Self::Write(_) => Class::Internal,
            Self::Store(error) => error.class(),
            Self::Signature(error) => error.class(),
        }
    }
}

impl Spools {
    /// Receives a body whole, and answers it with its sender.
    pub(super) async fn receive(
        &self,
        builder: &FunctionBuilder,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Spooled, Tenant), SpoolError> {
        if length(headers).is_some_and(|length| length > LARGEST) {
            return Err(SpoolError::TooLarge);
        }
        let _place = self
            .places
            .try_acquire()
            .map_err(|_| SpoolError::TooMany { limit: MOST })?;
        let scratch = builder.scratch()?;
        let spooled = Spooled {
            file: scratch.path().join("body.tar"),
            scratch,
        };
        let mut verifier = builder.senders().verifier();
        let writing = write(&spooled, body, &mut verifier);
        timeout(WHOLE, writing).await.map_err(|_| SpoolError::Slow)??;
        let signature = headers
            .get(SIGNATURE)
            .map(|value| value.to_str().unwrap_or_default());
        Ok((spooled, verifier.sender(signature)?))
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn write(spooled: &Spooled, body: Body, verifier: &mut Verifier) -> Result<(), SpoolError> {
    let mut file = tokio::fs::File::create(&spooled.file).await?;
    let mut data = body.into_data_stream();
    let mut size = 0;
    while let Some(chunk) = timeout(PAUSE, data.next()).await.map_err(|_| SpoolError::Slow)? {
        let chunk = chunk.map_err(SpoolError::Broken)?;
        size += chunk.len() as u64;
        if size > LARGEST {
            return Err(SpoolError::TooLarge);
        }
        verifier.update(&chunk);
        file.write_all(&chunk).await?;
    }
    Ok(file.flush().await?)
}
