//! Credentials for image registries: names go out, passwords only in.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use coracle_api::types::{RegistryLogin, RegistryView};
use coracle_platform::{Login, Password, Registry};
use http::StatusCode;

use super::{Context, path};
use crate::problem::{BadBody, ProblemResponse};

/// `GET /api/v1/registries`.
pub(super) async fn list(State(context): State<Context>) -> Result<Json<Vec<RegistryView>>, ProblemResponse> {
    let registries = context.platform.registries().await?;
    Ok(Json(registries.into_iter().map(view).collect()))
}

/// `PUT /api/v1/registries/{name}`.
pub(super) async fn set(
    State(context): State<Context>,
    Path(name): Path<String>,
    body: Result<Json<RegistryLogin>, JsonRejection>,
) -> Result<StatusCode, ProblemResponse> {
    let name = path::registry(&name)?;
    let Json(RegistryLogin {
        host,
        username,
        password,
    }) = body.map_err(BadBody)?;
    let login = Login {
        host,
        username,
        password: Password::new(password),
    };
    context.platform.set_registry(&name, login).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/registries/{name}`.
pub(super) async fn remove(
    State(context): State<Context>,
    Path(name): Path<String>,
) -> Result<StatusCode, ProblemResponse> {
    context.platform.remove_registry(&path::registry(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(registry: Registry) -> RegistryView {
    RegistryView {
        name: registry.name,
        host: registry.host,
        username: registry.username,
        updated_at: registry.updated_at,
    }
}
