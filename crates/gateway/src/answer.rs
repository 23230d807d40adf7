//! The platform's own answers: an error body for machines or for people, by what the caller accepts.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde_json::json;

use crate::outbound::Outbound;
use crate::refusal::Refusal;
use crate::request_id::RequestId;

/// Marks a response that the platform made itself. Its value is the class of the failure.
pub static ERROR: HeaderName = HeaderName::from_static("x-coracle-error");

/// Marks whatever the platform answers itself, errors and its own service alike. A function's response never has it.
pub static ORIGIN: HeaderName = HeaderName::from_static("x-coracle-origin");

/// The one value of [`ORIGIN`].
pub(crate) const PLATFORM: &str = "platform";

/// Answers the response that tells of a refusal.
pub(crate) fn refuse(refusal: &Refusal, form: Form, id: &RequestId) -> Response<Outbound> {
    let (kind, body) = match form {
        Form::Json => ("application/json", json_body(refusal, id)),
        Form::Text => ("text/plain; charset=utf-8", text_body(refusal, id)),
    };
    let mut response = Response::new(Outbound::from(Bytes::from(body)));
    *response.status_mut() = refusal.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(&ORIGIN, HeaderValue::from_static(PLATFORM));
    headers.insert(&ERROR, HeaderValue::from_static(refusal.class().word()));
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if refusal.status() == StatusCode::REQUEST_TIMEOUT {
        headers.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// In which form the caller reads errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Text,
}

impl Form {
    /// Answers the form that `headers` ask for: JSON when they name it, else text.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let accepts = |accept: &HeaderValue| accept.to_str().is_ok_and(|accept| accept.contains("json"));
        if headers.get_all(ACCEPT).iter().any(accepts) {
            Self::Json
        } else {
            Self::Text
        }
    }
}

fn json_body(refusal: &Refusal, id: &RequestId) -> String {
    let error = json!({
        "class": refusal.class().word(),
        "code": refusal.code(),
        "message": refusal.to_string(),
        "hint": refusal.hint(),
        "request_id": id.as_str(),
    });
    json!({ "error": error }).to_string()
}

fn text_body(refusal: &Refusal, id: &RequestId) -> String {
    let hint = refusal
        .hint()
        .map(|hint| format!("hint: {hint}\n"))
        .unwrap_or_default();
    format!("error: {refusal}\n{hint}request: {}\n", id.as_str())
}
