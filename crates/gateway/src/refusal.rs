//! What the platform answers itself instead of a function: status, class, code, words.
//!
//! One table, [`Refusal::row`]. The statuses are the data plane's own: a caller of a function did nothing wrong
//! when the function does not start, so what is the user's mistake in a deploy is a bad gateway here.

use std::time::Duration;

use coracle_spec::{ByteSize, Class};
use http::StatusCode;

use crate::capacity::StartFailure;
use crate::upload::Fate;

/// Why a request got no answer from a function.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no function `{0}`")]
    UnknownFunction(String),
    #[error("nothing is served at this address")]
    NothingHere,
    #[error("the request does not name one host")]
    NoHost,
    #[error("`CONNECT` is not served")]
    Connect,
    #[error("too many requests wait for this function")]
    QueueFull,
    #[error("no instance of the function had a free place within {0:?}")]
    QueueTimedOut(Duration),
    #[error("no instance of the function started within {0:?}")]
    StartTimedOut(Duration),
    #[error("the function did not start: {0}")]
    NotStarted(StartFailure),
    #[error("the function is being replaced or removed")]
    Withdrawn,
    #[error("the request body is larger than {0}")]
    TooLarge(ByteSize),
    #[error("the request body stopped coming for {0:?}")]
    ClientStalled(Duration),
    #[error("the request body broke off")]
    ClientBroke,
    #[error("the function cannot be reached: {message}")]
    Unreachable { message: String, hint: Option<String> },
    #[error("the function closed the connection without an answer")]
    Closed,
    #[error("the function's answer is not valid HTTP/1.1: {0}")]
    Invalid(String),
    #[error("the function did not begin to answer within {0:?}")]
    FirstByte(Duration),
    #[error("the function did not answer within {0:?}")]
    TimedOut(Duration),
}

/// A row of the table: status, class, code for machines, seconds until a retry makes sense.
struct Row(StatusCode, Class, &'static str, Option<u64>);

impl Refusal {
    /// Answers the reason that a request's body gives for its end, if it gives one.
    pub(crate) fn of_upload(fate: Fate, limit: ByteSize, idle: Duration) -> Option<Self> {
        match fate {
            Fate::TooLarge => Some(Self::TooLarge(limit)),
            Fate::Stalled => Some(Self::ClientStalled(idle)),
            Fate::Broken => Some(Self::ClientBroke),
            Fate::Untouched | Fate::Flowing | Fate::Finished => None,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.row().0
    }

    pub(crate) fn class(&self) -> Class {
        self.row().1
    }

    /// Answers the word that tells machines what happened.
    pub(crate) fn code(&self) -> &'static str {
        self.row().2
    }

    /// Answers the seconds after which the same request may succeed.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.row().3
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::NotStarted(failure) => failure.hint.as_deref(),
            Self::Unreachable { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }

    fn row(&self) -> Row {
        match self {
            Self::UnknownFunction(_) => Row(StatusCode::NOT_FOUND, Class::NotFound, "unknown_function", None),
            Self::NothingHere => Row(StatusCode::NOT_FOUND, Class::NotFound, "nothing_here", None),
            Self::NoHost => Row(StatusCode::BAD_REQUEST, Class::User, "no_host", None),
            Self::Connect => Row(StatusCode::NOT_IMPLEMENTED, Class::User, "connect", None),
            Self::QueueFull => Row(StatusCode::TOO_MANY_REQUESTS, Class::Busy, "queue_full", Some(1)),
            Self::QueueTimedOut(_) => Row(
                StatusCode::SERVICE_UNAVAILABLE,
                Class::Busy,
                "queue_timeout",
                Some(5),
            ),
            Self::StartTimedOut(_) => Row(
                StatusCode::GATEWAY_TIMEOUT,
                Class::Unavailable,
                "start_timeout",
                Some(5),
            ),
            Self::NotStarted(failure) => Self::not_started(failure.class),
            Self::Withdrawn => Row(
                StatusCode::SERVICE_UNAVAILABLE,
                Class::Unavailable,
                "withdrawn",
                Some(1),
            ),
            Self::TooLarge(_) => Row(StatusCode::PAYLOAD_TOO_LARGE, Class::User, "body_too_large", None),
            Self::ClientStalled(_) => Row(StatusCode::REQUEST_TIMEOUT, Class::User, "body_stalled", None),
            Self::ClientBroke => Row(StatusCode::BAD_REQUEST, Class::User, "body_broken", None),
            Self::Unreachable { .. } => Row(StatusCode::BAD_GATEWAY, Class::Unavailable, "unreachable", None),
            Self::Closed => Row(StatusCode::BAD_GATEWAY, Class::Unavailable, "no_answer", None),
            Self::Invalid(_) => Row(
                StatusCode::BAD_GATEWAY,
                Class::Unavailable,
                "invalid_answer",
                None,
            ),
            Self::FirstByte(_) => Row(
                StatusCode::GATEWAY_TIMEOUT,
                Class::Unavailable,
                "first_byte_timeout",
                None,
            ),
            Self::TimedOut(_) => Row(
                StatusCode::GATEWAY_TIMEOUT,
                Class::Unavailable,
                "request_timeout",
                None,
            ),
        }
    }

    fn not_started(class: Class) -> Row {
        match class {
            Class::Busy => Row(StatusCode::SERVICE_UNAVAILABLE, class, "not_started", Some(5)),
            Class::Unavailable => Row(StatusCode::SERVICE_UNAVAILABLE, class, "not_started", Some(1)),
            _ => Row(StatusCode::BAD_GATEWAY, class, "not_started", None),
        }
    }
}
