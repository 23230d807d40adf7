//! The layer around the control API: a request passes with credentials, or not at all.
//!
//! It is put around the router as a whole, so that a new route is protected without anybody thinking of it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle_gateway::Peer;
use coracle_spec::{Class, Failure};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::Secrets;
use crate::problem::problem;

/// The caller has not shown who they are.
#[derive(Debug, thiserror::Error)]
#[error("this needs the credentials of the server")]
struct Unauthenticated;

impl Failure for Unauthenticated {
    fn class(&self) -> Class {
        Class::Denied
    }

    fn hint(&self) -> Option<String> {
        Some(
            "log in with `coracle login URL`; the password is in the server's `auth/admin-password`"
                .to_owned(),
        )
    }
}

/// Who sends a request, for people: `admin`, or `uid 0` of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller(pub(crate) String);

/// Lets a request pass that comes over the server's own socket from its user or the super-user, or with the
/// administrator's password (RFC 7617, user `admin`) or a token (RFC 6750).
pub(crate) async fn authenticated(
    State(secrets): State<Arc<Secrets>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(caller) = caller(&secrets, &request) {
        request.extensions_mut().insert(caller);
        return next.run(request).await;
    }
    let mut response = problem(&Unauthenticated).into_response();
    response.headers_mut().insert(
        WWW_AUTHENTICATE,
        HeaderValue::from_static(r#"Basic realm="coracle", charset="UTF-8""#),
    );
    response
}

/// Answers who sends a request, if they have shown it.
pub(crate) fn caller(secrets: &Secrets, request: &Request) -> Option<Caller> {
    if let Some(Peer::Unix { uid }) = request.extensions().get()
        && is_trusted(*uid)
    {
        return Some(Caller(format!("uid {uid}")));
    }
    knows(secrets, request.headers()).then(|| Caller("admin".to_owned()))
}

fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

fn knows(secrets: &Secrets, headers: &HeaderMap) -> bool {
    let Some((scheme, credentials)) = authorization(headers) else {
        return false;
    };
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => secrets.is_password(credentials.trim()),
        "basic" => basic(credentials.trim()).is_some_and(|(user, password)| {
            let known = secrets.is_password(&password);
            known && user == "admin"
        }),
        _ => false,
    }
}

fn authorization(headers: &HeaderMap) -> Option<(&str, &str)> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')
}

fn basic(credentials: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
