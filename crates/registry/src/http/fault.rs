//! Errors as answers (OCI distribution specification 1.1, "Error Codes").

use bytes::Bytes;
use coracle_spec::{Class, Failure};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};
use serde::Serialize;

use super::body::Body;
use super::route::NoRoute;
use crate::error::RegistryError;

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
        let (status, code) = self.told();
        let mut response = match self {
            Self::Registry(error) => {
                log(error);
                refuse(status, code, (&error.to_string(), error.hint().as_deref()))
            }
            other => refuse(status, code, (other.message(), None)),
        };
        if let Self::Method(allowed) = self {
            let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
            response.headers_mut().extend(
                HeaderValue::from_str(&names.join(", "))
                    .ok()
                    .map(|value| (ALLOW, value)),
            );
        }
        response
    }

    fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Registry(error) => (status(error), error.code()),
            Self::NoRoute => (StatusCode::NOT_FOUND, "UNSUPPORTED"),
            Self::NoTag => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            Self::Denied => (StatusCode::FORBIDDEN, "DENIED"),
            Self::Head(_) | Self::Broken => (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID"),
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::Registry(_) => "",
            Self::NoRoute => "there is nothing at this path of the registry",
            Self::NoTag => "no manifest is called so",
            Self::Method(_) => "this method has no meaning here",
            Self::Denied => "without credentials, images may be pulled and nothing else",
            Self::Head(what) => what,
            Self::Broken => "the body broke off",
            Self::Slow => "the body came too slowly",
        }
    }
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
