//! Errors as answers (OCI distribution specification 1.1, "Error Codes").

use bytes::Bytes;
use coracle_spec::{Class, Failure};
use http::header::{ALLOW, CONTENT_TYPE, LOCATION, RANGE, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};
use serde::Serialize;

use super::answer;
use super::body::Body;
use super::route::NoRoute;
use crate::error::RegistryError;
use crate::uploads::UploadName;

/// What clients take for an upload that is not as it should be.
const INVALID: &str = "BLOB_UPLOAD_INVALID";

#[derive(Serialize)]
struct Errors<'a> {
    errors: [One<'a>; 1],
}

#[derive(Serialize)]
struct One<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(super) enum Fault {
    /// The registry refuses.
    Registry(RegistryError),
    /// Nothing is at that path.
    NoRoute,
    /// A manifest is asked for by what nothing can be called.
    NoTag,
    /// Something is there, and not for this method.
    Method(&'static [Method]),
    /// The caller may not do that.
    Denied,
    /// A chunk begins elsewhere than what has arrived ends.
    OutOfOrder {
        name: UploadName,
        expected: u64,
        found: u64,
    },
    /// The head of the request cannot be understood.
    Head(&'static str),
    /// The body broke off.
    Broken,
    /// The body came too slowly.
    Slow,
}

impl<E: Into<RegistryError>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Registry(error.into())
    }
}

impl From<NoRoute> for Fault {
    fn from(none: NoRoute) -> Self {
        match none {
            NoRoute::Unknown => Self::NoRoute,
            NoRoute::Name(error) => Self::Registry(error.into()),
        }
    }
}

impl Fault {
    /// Makes the answer.
    pub(super) fn answer(&self) -> Response<Body> {
        use StatusCode as S;
        match self {
            Self::Registry(error) => of_registry(error),
            Self::NoRoute => plain(
                S::NOT_FOUND,
                "UNSUPPORTED",
                "there is nothing at this path of the registry",
            ),
            Self::NoTag => plain(S::NOT_FOUND, "MANIFEST_UNKNOWN", "no manifest is called so"),
            Self::Method(allowed) => not_allowed(allowed),
            Self::Denied => plain(
                S::FORBIDDEN,
                "DENIED",
                "without credentials, images may be pulled and nothing else",
            ),
            Self::OutOfOrder {
                name,
                expected,
                found,
            } => out_of_order(name, *expected, *found),
            Self::Head(what) => plain(S::BAD_REQUEST, INVALID, what),
            Self::Broken => plain(S::BAD_REQUEST, INVALID, "the body broke off"),
            Self::Slow => plain(S::REQUEST_TIMEOUT, INVALID, "the body came too slowly"),
        }
    }
}

fn plain(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    refuse(status, code, (message, None))
}

fn of_registry(error: &RegistryError) -> Response<Body> {
    log(error);
    let (message, help) = (error.to_string(), error.hint());
    refuse(status(error), error.code(), (&message, help.as_deref()))
}

fn not_allowed(allowed: &[Method]) -> Response<Body> {
    let message = "this method has no meaning here";
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message);
    let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    let names = HeaderValue::from_str(&names.join(", ")).ok();
    response.headers_mut().extend(names.map(|names| (ALLOW, names)));
    response
}

/// Says which byte is the next one, so that the client can go on there.
fn out_of_order(name: &UploadName, expected: u64, found: u64) -> Response<Body> {
    let mut response = Fault::Registry(RegistryError::Gap { expected, found }).answer();
    let told = answer::upload(StatusCode::RANGE_NOT_SATISFIABLE, name, expected);
    for header in [LOCATION, RANGE] {
        let value = told.headers().get(&header).cloned();
        response.headers_mut().extend(value.map(|value| (header, value)));
    }
    response
}

/// Makes an answer that says why not, with what helps, in the form that clients of registries read.
pub fn refuse(status: StatusCode, code: &str, (message, help): (&str, Option<&str>)) -> Response<Body> {
    let errors = Errors {
        errors: [One {
            code,
            message,
            detail: help,
        }],
    };
    let text = serde_json::to_vec(&errors).unwrap_or_default();
    let mut response = Response::new(Body::from(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// The class says it, but for what the specification or HTTP has a status of its own for.
fn status(error: &RegistryError) -> StatusCode {
    match error {
        RegistryError::Gap { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
        RegistryError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        RegistryError::Unmet { .. } => StatusCode::NOT_FOUND,
        error => StatusCode::from_u16(error.class().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn log(error: &RegistryError) {
    if error.class() == Class::Internal {
        tracing::error!(error = error as &dyn std::error::Error, "the registry failed");
    }
}
