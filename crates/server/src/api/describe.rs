//! A function in full.

use axum::Json;
use axum::extract::{Path, State};
use coracle_api::types;
use coracle_platform::{Event, Exited, FunctionDetail, Happened, InstanceDetail, StartFailed};

use super::{Context, functions, logs, path};
use crate::problem::ProblemResponse;

/// `GET /api/v1/functions/{namespace}/{name}`.
pub(super) async fn describe(
    State(context): State<Context>,
    Path(names): Path<(String, String)>,
) -> Result<Json<types::FunctionDetail>, ProblemResponse> {
    let id = path::function(names)?;
    Ok(Json(detail(context.platform.describe(&id).await?)))
}

fn detail(detail: FunctionDetail) -> types::FunctionDetail {
    types::FunctionDetail {
        function: detail.function,
        url: detail.url,
        state: detail.condition.standing.word().to_owned(),
        reason: detail.condition.reason,
        revision: detail.revision.map(functions::revision),
        image: detail.image.map(|image| types::ImageView {
            size: image.size,
            port: image.port,
            command: image.command,
        }),
        scale: detail.scale,
        rescaled: detail.rescaled,
        instances: detail.instances.into_iter().map(instance).collect(),
        spare: detail.spare,
        queue: types::QueueView {
            waiting: detail.queue.waiting as u64,
            longest_ms: detail.queue.longest_ms,
        },
        failed_revision: detail.failed_revision,
        last_failure: detail.last_failure.map(failure),
        exits: detail.exits.into_iter().map(exit).collect(),
        lines: detail.lines.iter().map(logs::view).collect(),
        events: detail.events.into_iter().map(event).collect(),
        hints: detail.hints,
    }
}

fn instance(instance: InstanceDetail) -> types::InstanceView {
    types::InstanceView {
        id: instance.id,
        revision: instance.revision,
        state: instance.state.word().to_owned(),
        in_flight: instance.in_flight,
        age_seconds: instance.age_seconds,
    }
}

fn failure(Happened { at, what }: Happened<StartFailed>) -> types::FailureView {
    types::FailureView {
        at,
        revision: what.revision,
        cause: what.cause,
        hint: what.hint,
        listened_on: what.listened_on,
        said: what.said,
    }
}

fn exit(Happened { at, what }: Happened<Exited>) -> types::ExitView {
    types::ExitView {
        at,
        revision: what.revision,
        instance: what.instance,
        how: what.how,
        code: what.code,
        signal: what.signal,
        out_of_memory: what.out_of_memory,
        told_to: what.told_to,
    }
}

fn event(event: Event) -> types::EventView {
    types::EventView {
        at: event.at,
        kind: event.kind,
        message: event.message,
    }
}
