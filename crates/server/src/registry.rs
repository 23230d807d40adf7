//! The registry under `/v2/`, behind the same secrets as everything else.
//!
//! Without anonymous pulls it asks for Basic credentials, which every client has. With them it asks for a token
//! (Docker Registry v2 authentication via central service), which whoever has credentials gets for them, and everybody
//! else for pulling: clients that find nothing but Basic do not even try without credentials.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use coracle_gateway::Peer;
use coracle_registry::{Access, Service};
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{Method, StatusCode};
use serde::Serialize;

use crate::auth::{Grant, LIFETIME, Secrets, caller};

/// Where tokens are had. No repository is called so.
const TOKENS: &str = "/v2/_token";

/// Who may use the registry.
pub(crate) struct Gate {
    /// Whose credentials open it.
    pub(crate) secrets: Arc<Secrets>,
    /// Whether images may be pulled without.
    pub(crate) anonymous_pull: bool,
}

/// What somebody is told who asks for a token.
#[derive(Serialize)]
struct Token {
    token: String,
    expires_in: u64,
}

/// Makes the registry: every path under `/v2` behind the gate.
pub(crate) fn router(service: Service, gate: Gate) -> Router {
    let gate = Arc::new(gate);
    let tokens = Router::new()
        .route(TOKENS, get(token))
        .with_state(Arc::clone(&gate));
    Router::new()
        .route("/v2", any(handle))
        .route("/v2/", any(handle))
        .route("/v2/{*rest}", any(handle))
        .with_state(service)
        .layer(from_fn_with_state(gate, admitted))
        .merge(tokens)
}

async fn handle(
    State(service): State<Service>,
    Extension(access): Extension<Access>,
    request: Request,
) -> Response {
    let answer = service.handle(request, access).await;
    answer.map(axum::body::Body::new)
}

/// Lets a request pass with what its sender may do, or asks who that is.
async fn admitted(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    if let Some(access) = gate.access(&request) {
        request.extensions_mut().insert(access);
        return next.run(request).await;
    }
    let refusal = gate.challenge(&request);
    coracle_registry::drain(request.into_body()).await;
    refusal
}

/// `GET /v2/_token`: what the credentials are good for, and without any, pulling.
async fn token(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let access = match caller(&gate.secrets, &request) {
        Some(_) => Access::Full,
        None if gate.anonymous_pull && !request.headers().contains_key(AUTHORIZATION) => Access::Pull,
        None => return Gate::refusal(BASIC),
    };
    let token = Token {
        token: Grant::now(access).sealed(&gate.secrets),
        expires_in: LIFETIME.as_secs(),
    };
    axum::Json(token).into_response()
}

const BASIC: HeaderValue = HeaderValue::from_static(r#"Basic realm="coracle", charset="UTF-8""#);

const HELP: &str = "the user is `admin`, and the server's `auth/admin-password` has the password";

impl Gate {
    fn access(&self, request: &Request) -> Option<Access> {
        if caller(&self.secrets, request).is_some() {
            return Some(Access::Full);
        }
        match request.headers().get(AUTHORIZATION) {
            Some(value) => {
                let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
                let is_token = scheme.eq_ignore_ascii_case("bearer");
                is_token
                    .then(|| Grant::opened(token.trim(), &self.secrets))
                    .flatten()
            }
            // The first question of every client is answered with one, else none would ever show credentials.
            None if is_first_question(request) => None,
            None => (self.anonymous_pull && is_read(request)).then_some(Access::Pull),
        }
    }

    fn challenge(&self, request: &Request) -> Response {
        match token_challenge(request) {
            Some(challenge) if self.anonymous_pull => Self::refusal(challenge),
            _ => Self::refusal(BASIC),
        }
    }

    fn refusal(challenge: HeaderValue) -> Response {
        let told = ("this needs the credentials of the server", Some(HELP));
        let mut response = coracle_registry::refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", told);
        let headers = response.headers_mut();
        headers.insert(WWW_AUTHENTICATE, challenge);
        headers.insert(
            "docker-distribution-api-version",
            HeaderValue::from_static("registry/2.0"),
        );
        response.map(axum::body::Body::new)
    }
}

fn is_first_question(request: &Request) -> bool {
    matches!(request.uri().path(), "/v2" | "/v2/")
}

fn is_read(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Answers where a token is had, at the address that the client itself uses.
fn token_challenge(request: &Request) -> Option<HeaderValue> {
    let host: Authority = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => request.headers().get(HOST)?.to_str().ok()?.parse().ok()?,
    };
    let scheme = if is_secure(request) { "https" } else { "http" };
    let challenge = format!(r#"Bearer realm="{scheme}://{host}{TOKENS}",service="coracle""#);
    HeaderValue::from_str(&challenge).ok()
}

/// Answers whether the client came by TLS, to this server or to the proxy in front of it on the same machine.
fn is_secure(request: &Request) -> bool {
    let Some(peer) = request.extensions().get::<Peer>() else {
        return false;
    };
    peer.scheme() == "https" || (peer.is_local() && forwarded_proto(request.headers()) == Some("https"))
}

fn forwarded_proto(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-forwarded-proto")?.to_str().ok()
}
