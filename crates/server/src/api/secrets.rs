//! Secrets: names go out, values only in.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use coracle_api::types::SecretView;
use coracle_spec::Namespace;
use http::StatusCode;

use super::Context;
use super::path::InvalidPath;
use crate::problem::ProblemResponse;

/// `GET /api/v1/secrets/{namespace}`.
pub(super) async fn list(
    State(context): State<Context>,
    Path(name): Path<String>,
) -> Result<Json<Vec<SecretView>>, ProblemResponse> {
    let secrets = context.platform.secrets(&namespace(&name)?).await?;
    let view = |secret: coracle_platform::Secret| SecretView {
        name: secret.name,
        updated_at: secret.updated_at,
    };
    Ok(Json(secrets.into_iter().map(view).collect()))
}

/// `PUT /api/v1/secrets/{namespace}/{name}`: the body is the value.
pub(super) async fn set(
    State(context): State<Context>,
    Path((space, name)): Path<(String, String)>,
    value: Bytes,
) -> Result<StatusCode, ProblemResponse> {
    context
        .platform
        .set_secret(&namespace(&space)?, &name, value.to_vec())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/secrets/{namespace}/{name}`.
pub(super) async fn remove(
    State(context): State<Context>,
    Path((space, name)): Path<(String, String)>,
) -> Result<StatusCode, ProblemResponse> {
    context.platform.remove_secret(&namespace(&space)?, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn namespace(name: &str) -> Result<Namespace, InvalidPath> {
    Ok(name.parse()?)
}
