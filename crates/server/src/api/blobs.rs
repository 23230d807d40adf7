//! Uploads: the blobs of images that were built elsewhere. What a blob is called is what it is, so a wrong one cannot
//! be stored, and unpacking trusts nothing in it.

use std::io::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use coracle_content::{BlobWriter, StoreError};
use coracle_spec::digest::InvalidDigest;
use coracle_spec::{Class, Digest, Failure};
use futures::StreamExt as _;
use http::StatusCode;
use tokio::task::spawn_blocking;

use super::Context;
use crate::problem::ProblemResponse;

/// The largest blob that is taken.
const LARGEST: u64 = 8 << 30;

/// Why an upload is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum UploadError {
    /// The path names no digest.
    #[error("the path names no blob")]
    Digest(#[from] InvalidDigest),
    /// The store refused.
    #[error("cannot store the blob")]
    Store(#[from] StoreError),
    /// The disk refused.
    #[error("cannot write the blob")]
    Write(#[from] std::io::Error),
    /// It broke off.
    #[error("the upload broke off")]
    Broken(#[source] axum::Error),
    /// It is too large.
    #[error("the blob is larger than {LARGEST} bytes")]
    TooLarge,
}

impl Failure for UploadError {
    fn class(&self) -> Class {
        match self {
            Self::Digest(_) | Self::Broken(_) | Self::TooLarge | Self::Store(StoreError::Mismatch { .. }) => {
                Class::User
            }
            Self::Store(error) => error.class(),
            Self::Write(error) if error.kind() == std::io::ErrorKind::StorageFull => Class::Busy,
            Self::Write(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}

/// `HEAD /api/v1/blobs/{digest}`.
pub(super) async fn has(
    State(context): State<Context>,
    Path(digest): Path<String>,
) -> Result<StatusCode, ProblemResponse> {
    let digest: Digest = digest.parse().map_err(UploadError::from)?;
    let found = blocking(move || {
        context
            .uploads
            .keep(&digest)
            .and_then(|()| context.store.blob(&digest))
    })
    .await
    .map_err(UploadError::from)?;
    Ok(if found.is_some() {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    })
}

/// `PUT /api/v1/blobs/{digest}`.
pub(super) async fn put(
    State(context): State<Context>,
    Path(digest): Path<String>,
    body: Body,
) -> Result<StatusCode, ProblemResponse> {
    let digest: Digest = digest.parse().map_err(UploadError::from)?;
    store(&context, digest, body).await?;
    Ok(StatusCode::CREATED)
}

/// Keeps no longer what the deploy of `image` waited for. That it cannot be told from other blobs only keeps it longer.
pub(super) async fn deployed(context: &Context, image: Digest) {
    let context = context.clone();
    let released = blocking(move || context.uploads.deployed(&context.store, &image)).await;
    if let Err(error) = released {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a deployed image is kept as an upload too"
        );
    }
}

async fn store(context: &Context, digest: Digest, body: Body) -> Result<(), UploadError> {
    let mut writer = context.store.write_blob()?;
    let mut data = body.into_data_stream();
    while let Some(chunk) = data.next().await {
        let chunk = chunk.map_err(UploadError::Broken)?;
        if writer.size() + chunk.len() as u64 > LARGEST {
            return Err(UploadError::TooLarge);
        }
        writer = blocking(move || write(writer, &chunk)).await?;
    }
    let uploads = Arc::clone(&context.uploads);
    blocking(move || {
        uploads
            .keep(&digest)
            .and_then(|()| writer.commit_expecting(&digest))
    })
    .await?;
    Ok(())
}

fn write(mut writer: BlobWriter, chunk: &[u8]) -> std::io::Result<BlobWriter> {
    writer.write_all(chunk)?;
    Ok(writer)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
