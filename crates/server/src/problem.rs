//! Errors as answers.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use coracle_api::types::{Problem, ProblemBody};
use coracle_spec::{Class, Failure};
use http::{Method, StatusCode, Uri};

/// An error on its way out: its status, and its body.
#[derive(Debug)]
pub(crate) struct ProblemResponse {
    class: Class,
    body: ProblemBody,
}

/// Turns a failure into an answer.
pub(crate) fn problem(failure: &dyn Failure) -> ProblemResponse {
    ProblemResponse {
        class: failure.class(),
        body: ProblemBody { error: told(failure) },
    }
}

/// Turns a failure into what a client is told. What is internal is logged, since nobody else can mend it.
pub(crate) fn told(failure: &dyn Failure) -> Problem {
    let class = failure.class();
    let causes = causes(failure);
    if class == Class::Internal {
        tracing::error!(error = %failure, ?causes, "a request failed");
    }
    Problem {
        class: class.word().to_owned(),
        message: failure.to_string(),
        hint: failure.hint(),
        causes,
        request_id: String::new(),
    }
}

fn causes(failure: &dyn Failure) -> Vec<String> {
    std::iter::successors(failure.source(), |cause| cause.source())
        .map(ToString::to_string)
        .collect()
}

impl<F: Failure> From<F> for ProblemResponse {
    fn from(failure: F) -> Self {
        problem(&failure)
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.class.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.body)).into_response()
    }
}

/// The query of a request cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("the query cannot be understood")]
pub(crate) struct BadQuery(#[source] pub(crate) QueryRejection);

/// The body of a request cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("the body cannot be understood")]
pub(crate) struct BadBody(#[source] pub(crate) JsonRejection);

/// Nothing is at the path of a request.
#[derive(Debug, thiserror::Error)]
#[error("there is no `{0}`")]
struct NoSuchRoute(String);

impl Failure for BadQuery {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Failure for BadBody {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Failure for NoSuchRoute {
    fn class(&self) -> Class {
        Class::NotFound
    }
}

/// Answers a request to a path that is not served.
pub(crate) async fn no_such_route(method: Method, uri: Uri) -> ProblemResponse {
    NoSuchRoute(format!("{method} {}", uri.path())).into()
}
