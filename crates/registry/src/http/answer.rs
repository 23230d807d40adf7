//! Answers that are no errors.

use bytes::Bytes;
use coracle_spec::Digest;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RANGE};
use http::{Response, StatusCode};
use serde::Serialize;

use super::body::Body;
use crate::names::Repository;
use crate::uploads::UploadName;

/// What a blob or manifest is; clients may check it.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// What an upload is called.
const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// Makes an answer without a body.
pub(super) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Makes an answer that is JSON.
pub(super) fn json(media_type: &'static str, value: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(Bytes::from(text)));
    set(&mut response, CONTENT_TYPE, media_type);
    response
}

/// Says that something was made, and where it is.
pub(super) fn created(location: &str, digest: &Digest) -> Response<Body> {
    let mut response = status(StatusCode::CREATED);
    set(&mut response, LOCATION, location);
    set(&mut response, CONTENT_DIGEST, &digest.to_string());
    response
}

/// Says where a blob is.
pub(super) fn blob_created(repository: &Repository, digest: &Digest) -> Response<Body> {
    created(&format!("/v2/{repository}/blobs/{digest}"), digest)
}

/// Says where an upload goes on, and what of it has arrived. A location without a host is right whatever stands in
/// front of the server.
pub(super) fn upload(code: StatusCode, name: &UploadName, size: u64) -> Response<Body> {
    let mut response = status(code);
    let location = format!("/v2/{}/blobs/uploads/{}", name.repository, name.id);
    set(&mut response, LOCATION, &location);
    set(&mut response, RANGE, &format!("0-{}", size.saturating_sub(1)));
    set(&mut response, UPLOAD_UUID, &name.id);
    response
}

/// Sets a header. What no header can hold is left out: all that is set here is checked text.
pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
