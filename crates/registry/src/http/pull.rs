//! Blobs on their way out.

use std::sync::Arc;

use coracle_content::Blob;
use coracle_spec::Digest;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, IF_RANGE,
    RANGE,
};
use http::{Method, Response, StatusCode};

use super::answer::{CONTENT_DIGEST, set, status};
use super::body::Body;
use super::fault::Fault;
use super::range::Wanted;
use super::service::{Service, blocking};
use crate::error::{Context as _, RegistryError};
use crate::names::Repository;

/// `HEAD` and `GET` of a blob, or of a part of it.
pub(super) async fn blob(
    service: &Service,
    (method, headers): (&Method, &HeaderMap),
    (repository, digest): (Repository, Digest),
) -> Result<Response<Body>, Fault> {
    let registry = service.registry().clone();
    let blob = blocking(move || registry.existing_blob(&repository, &digest)).await?;
    let mut response = if method == Method::HEAD {
        Response::new(Body::of_length(blob.size))
    } else {
        piece(service, blob, range(headers, &digest)).await?
    };
    set(&mut response, CONTENT_TYPE, "application/octet-stream");
    set(&mut response, CONTENT_DIGEST, &digest.to_string());
    set(&mut response, ACCEPT_RANGES, "bytes");
    set(&mut response, ETAG, &tag(&digest));
    // Whatever is called by its digest never changes; that somebody may read it can.
    set(&mut response, CACHE_CONTROL, "private, max-age=31536000");
    Ok(response)
}

async fn piece(service: &Service, blob: Blob, range: Option<String>) -> Result<Response<Body>, Fault> {
    let size = blob.size;
    let (start, length) = match Wanted::of(range.as_deref(), size) {
        Wanted::Whole => (0, size),
        Wanted::Part { start, length } => (start, length),
        Wanted::Nothing => return Ok(beyond(size)),
    };
    let place = Arc::clone(&service.pulls);
    let place = place
        .try_acquire_owned()
        .map_err(|_| RegistryError::TooMany("pulls"))?;
    let open = move || {
        let file = blob.open()?;
        Body::of_file(file, (start, length), place).context("read", &blob.path)
    };
    let mut response = Response::new(blocking(open).await?);
    set(&mut response, CONTENT_LENGTH, &length.to_string());
    if length < size {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {start}-{}/{size}", start + length - 1);
        set(&mut response, CONTENT_RANGE, &range);
    }
    Ok(response)
}

fn beyond(size: u64) -> Response<Body> {
    let mut response = status(StatusCode::RANGE_NOT_SATISFIABLE);
    set(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

/// Answers the range that is asked for, unless it is only for another version of the content (RFC 9110 §13.1.5).
fn range(headers: &HeaderMap, digest: &Digest) -> Option<String> {
    let other = headers
        .get(IF_RANGE)
        .is_some_and(|value| value.as_bytes() != tag(digest).as_bytes());
    let range = headers.get(RANGE)?.to_str().ok()?;
    (!other).then(|| range.to_owned())
}

fn tag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}
