//! Why `/build` did not begin to build: answers that are no stream, whatever the client accepts.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use coracle_platform::{AdmitError, Full, Replayed};
use coracle_spec::{Class, Failure};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::answer::Answer;
use super::spool::SpoolError;

/// How many seconds a client should wait before it tries a busy server again.
const LATER: u32 = 5;

/// Why nothing was built.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The body was not taken.
    Spool(SpoolError),
    /// As many builds run and wait, or bodies come in, as may.
    Full(Full),
    /// It was taken before.
    Replayed(Replayed),
}

impl From<SpoolError> for Refusal {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::TooMany { limit } => Self::Full(Full { limit }),
            error => Self::Spool(error),
        }
    }
}

impl From<AdmitError> for Refusal {
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::Full(full) => Self::Full(full),
            AdmitError::Replayed(replayed) => Self::Replayed(replayed),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Spool(error) => json(status(&error), &error),
            Self::Full(full) => busy(full),
            Self::Replayed(replayed) => json(StatusCode::CONFLICT, &replayed),
        }
    }
}

fn status(error: &SpoolError) -> StatusCode {
    match (error, error.class()) {
        (SpoolError::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
        (SpoolError::Slow, _) => StatusCode::REQUEST_TIMEOUT,
        (_, Class::Denied) => StatusCode::UNAUTHORIZED,
        (_, Class::Busy | Class::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Class::Internal) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The text that clients know, and when to come again.
fn busy(full: Full) -> Response {
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ),
        (RETRY_AFTER, LATER.into()),
    ];
    (StatusCode::TOO_MANY_REQUESTS, headers, format!("{full}\n")).into_response()
}

fn json(status: StatusCode, failure: &dyn Failure) -> Response {
    if failure.class() == Class::Internal {
        tracing::error!(error = %failure, cause = ?failure.source(), "a body was not taken");
    }
    let body = Answer::refused(failure, Duration::ZERO).json();
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
