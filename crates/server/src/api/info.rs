//! What the server says of itself.

use axum::Json;
use axum::extract::State;
use coracle_api::types::ServerInfo;

use super::Context;

/// `GET /api/v1/server`.
pub(super) async fn server(State(context): State<Context>) -> Json<ServerInfo> {
    Json(ServerInfo::clone(&context.info))
}
