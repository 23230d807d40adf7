//! A function's log: one JSON object a line, and new ones as they come when the client follows.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use coracle_api::types;
use coracle_platform::{Follower, Line, LogError, Stream};
use futures::{StreamExt as _, stream};
use http::header::CONTENT_TYPE;

use super::{Context, path};
use crate::problem::{BadQuery, ProblemResponse};

/// The most lines that a tail answers.
const LONGEST_TAIL: u32 = 100_000;

/// `GET /api/v1/functions/{namespace}/{name}/logs`.
pub(super) async fn read(
    State(context): State<Context>,
    Path(names): Path<(String, String)>,
    query: Result<Query<types::LogQuery>, QueryRejection>,
) -> Result<Response, ProblemResponse> {
    let id = path::function(names)?;
    let Query(query) = query.map_err(BadQuery)?;
    let log = context.platform.log(&id, query.tail.min(LONGEST_TAIL)).await?;
    let past = stream::iter([Ok(encoded(&log.past))]);
    let body = if query.follow {
        let live = stream::try_unfold(log.live, next).take_until(context.ending.cancelled_owned());
        Body::from_stream(past.chain(live))
    } else {
        Body::from_stream(past)
    };
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// Waits for the next lines; the end of the function is the end of the body.
async fn next(mut live: Follower) -> Result<Option<(Bytes, Follower)>, LogError> {
    Ok(live.next().await?.map(|lines| (encoded(&lines), live)))
}

fn encoded(lines: &[Line]) -> Bytes {
    let mut bytes = Vec::new();
    for line in lines {
        // Plain data always serialises; a line that would not is left out rather than torn.
        bytes.extend(serde_json::to_vec(&view(line)).unwrap_or_default());
        bytes.push(b'\n');
    }
    bytes.into()
}

/// Answers a line as it goes over the wire.
pub(super) fn view(line: &Line) -> types::LogLine {
    types::LogLine {
        at_ms: line.at_ms,
        revision: line.revision,
        instance: line.instance.clone(),
        stream: match line.stream {
            Stream::Stdout => types::Stream::Stdout,
            Stream::Stderr => types::Stream::Stderr,
        },
        text: line.text.clone(),
    }
}
