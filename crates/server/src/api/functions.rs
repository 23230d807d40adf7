//! Functions and their revisions.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use coracle_api::types;
use coracle_platform::{Deploy, Deployed, FunctionSummary, RevisionRecord, RevisionStatus};
use coracle_spec::{Deployable, Namespace};
use http::StatusCode;
use serde::Deserialize;

use super::{Context, images, path};
use crate::auth::Caller;
use crate::problem::{BadBody, BadQuery, ProblemResponse};

/// What the query of the list says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default)]
    namespace: Option<Namespace>,
}

/// `GET /api/v1/functions`.
pub(super) async fn list(
    State(context): State<Context>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Vec<types::FunctionSummary>>, ProblemResponse> {
    let Query(query) = query.map_err(BadQuery)?;
    Ok(Json(
        context
            .platform
            .list(query.namespace.as_ref())
            .into_iter()
            .map(summary)
            .collect(),
    ))
}

/// `DELETE /api/v1/functions/{namespace}/{name}`.
pub(super) async fn remove(
    State(context): State<Context>,
    Path(names): Path<(String, String)>,
) -> Result<StatusCode, ProblemResponse> {
    let id = path::function(names)?;
    context.platform.remove(&id).await?;
    images::remove(&context, id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/functions/{namespace}/{name}/revisions`.
pub(super) async fn revisions(
    State(context): State<Context>,
    Path(names): Path<(String, String)>,
) -> Result<Json<Vec<types::RevisionView>>, ProblemResponse> {
    let id = path::function(names)?;
    let records = context.platform.revisions(&id).await?;
    Ok(Json(records.into_iter().map(revision).collect()))
}

/// `POST /api/v1/functions/{namespace}/{name}/revisions`.
pub(super) async fn deploy(
    State(context): State<Context>,
    Path(names): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<types::DeployRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<types::Deployed>), ProblemResponse> {
    let function = path::function(names)?;
    let Json(types::DeployRequest {
        image,
        reference,
        config,
    }) = body.map_err(BadBody)?;
    let stored = match &image {
        Deployable::Stored(digest) => Some(*digest),
        Deployable::Named(_) => None,
    };
    let deploy = Deploy {
        function,
        image,
        reference,
        config,
    };
    let deployed = context.platform.deploy_for(Some(caller.0), deploy).await;
    // Whether it went well or not: its revision keeps its image now.
    if let Some(image) = stored {
        images::release(&context, image).await;
    }
    let deployed = deployed?;
    images::enter(&context, &deployed).await;
    Ok((StatusCode::CREATED, Json(outcome(&deployed))))
}

/// `POST /api/v1/functions/{namespace}/{name}/rollback`.
pub(super) async fn roll_back(
    State(context): State<Context>,
    Path(names): Path<(String, String)>,
    body: Result<Json<types::RollbackRequest>, JsonRejection>,
) -> Result<Json<types::Deployed>, ProblemResponse> {
    let function = path::function(names)?;
    let Json(request) = body.map_err(BadBody)?;
    let deployed = context.platform.roll_back(&function, request.to).await?;
    Ok(Json(outcome(&deployed)))
}

fn outcome(deployed: &Deployed) -> types::Deployed {
    types::Deployed {
        function: deployed.revision.function.clone(),
        revision: deployed.revision.number,
        image: deployed.revision.image,
        url: deployed.url.clone(),
        ready_ms: u64::try_from(deployed.ready_after.as_millis()).unwrap_or(u64::MAX),
        replaced: deployed.replaced,
    }
}

fn summary(summary: FunctionSummary) -> types::FunctionSummary {
    types::FunctionSummary {
        function: summary.revision.function.clone(),
        url: summary.url,
        revision: summary.revision.number,
        image: summary.revision.image,
        instances: u32::try_from(summary.instances).unwrap_or(u32::MAX),
        deployed_at: summary.revision.created_at,
    }
}

/// Answers a revision as it goes over the wire.
pub(super) fn revision(record: RevisionRecord) -> types::RevisionView {
    let RevisionRecord {
        revision,
        status,
        serving,
    } = record;
    types::RevisionView {
        number: revision.number,
        image: revision.image,
        reference: revision.reference,
        config: revision.config,
        created_at: revision.created_at,
        author: revision.author,
        status: match status {
            RevisionStatus::Starting => types::RevisionStatus::Starting,
            RevisionStatus::Ready => types::RevisionStatus::Ready,
            RevisionStatus::Failed => types::RevisionStatus::Failed,
        },
        serving,
    }
}
