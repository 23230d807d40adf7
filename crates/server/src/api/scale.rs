//! How many instances a function has.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use coracle_api::types::Rescaled;
use coracle_spec::ScaleChange;

use super::{Context, path};
use crate::problem::{BadBody, ProblemResponse};

/// `PATCH /api/v1/functions/{namespace}/{name}/scale`.
pub(super) async fn change(
    State(context): State<Context>,
    Path(names): Path<(String, String)>,
    body: Result<Json<ScaleChange>, JsonRejection>,
) -> Result<Json<Rescaled>, ProblemResponse> {
    let function = path::function(names)?;
    let Json(change) = body.map_err(BadBody)?;
    let coracle_platform::Rescaled {
        revision,
        before,
        scale,
    } = context.platform.rescale(&function, change).await?;
    Ok(Json(Rescaled {
        function,
        revision,
        before,
        scale,
    }))
}
