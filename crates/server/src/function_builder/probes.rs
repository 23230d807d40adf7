//! What everybody may ask: the key that build secrets are sealed for, and whether another build would be taken.

use axum::Json;
use axum::extract::State;
use coracle_platform::{FunctionBuilder, SEALING_ALGORITHM};
use http::StatusCode;
use serde::Serialize;

use super::BuilderContext;

/// A public key as clients read it.
#[derive(Debug, Serialize)]
pub(super) struct PublicKey {
    key_id: String,
    algorithm: &'static str,
    #[serde(rename = "public_key")]
    text: String,
}

/// `GET /publickey`.
pub(super) async fn public_key(State(context): State<BuilderContext>) -> Json<PublicKey> {
    let key = context.builder.sealing();
    Json(PublicKey {
        key_id: key.id().to_owned(),
        algorithm: SEALING_ALGORITHM,
        text: key.public().to_owned(),
    })
}

/// `GET /ready` of a server that only builds: 503 while as many builds run as may, so that others are asked instead.
pub(super) async fn ready(State(builder): State<FunctionBuilder>) -> (StatusCode, &'static str) {
    match builder.busy() {
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy\n"),
        None => (StatusCode::OK, "ok\n"),
    }
}
