//! Builds of sources that are sent, told as they go on: one JSON object a line.
//!
//! The build ends soon after the client has hung up: nobody waits for its image.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use coracle_api::types::{BuildEvent, BuildQuery};
use coracle_platform::{Builds, BuiltSource, Locking, Observer, SourceArchive, SourceBuildError};
use coracle_spec::{Class, Failure};
use coracle_tasks::CancellationToken;
use futures::{StreamExt as _, stream};
use http::header::CONTENT_TYPE;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::Context;
use crate::problem::{self, BadQuery, ProblemResponse};

/// The most bytes of an archive.
const LARGEST: u64 = 512 << 20;
/// How many events may wait for the client; what is only shown is left out when more do.
const LONGEST_QUEUE: usize = 4096;

/// Why sources are not taken.
#[derive(Debug, thiserror::Error)]
enum ReceiveError {
    /// The server does not build.
    #[error("this server builds nothing")]
    NoBuilds,
    /// The upload broke off.
    #[error("the upload broke off")]
    Broken(#[source] axum::Error),
    /// The archive is too large.
    #[error("the source is larger than {} MiB, compressed", LARGEST >> 20)]
    TooLarge,
    /// The disk refused.
    #[error("cannot keep the source")]
    Write(#[from] std::io::Error),
}

impl Failure for ReceiveError {
    fn class(&self) -> Class {
        match self {
            Self::NoBuilds | Self::Broken(_) | Self::TooLarge => Class::User,
            Self::Write(error) if error.kind() == std::io::ErrorKind::StorageFull => Class::Busy,
            Self::Write(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoBuilds => Some("build here, with `coracle deploy` without `--remote`".to_owned()),
            Self::TooLarge => Some("keep what is no source out of the folder".to_owned()),
            Self::Broken(_) | Self::Write(_) => None,
        }
    }
}

/// `POST /api/v1/builds`.
pub(super) async fn build(
    State(context): State<Context>,
    query: Result<Query<BuildQuery>, QueryRejection>,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let Query(query) = query.map_err(BadQuery)?;
    let builds = context.builds.clone().ok_or(ReceiveError::NoBuilds)?;
    let place = builds.place()?;
    let archive = receive(&builds, query, body).await?;
    let (events, queue) = mpsc::channel(LONGEST_QUEUE);
    let cancel = CancellationToken::new();
    let telling = Telling {
        queue,
        _hung_up: HungUp(cancel.clone()),
    };
    let building = context
        .platform
        .build_source(place, archive, Arc::new(Teller(events)), cancel);
    let ending = context.ending.clone();
    // The events end with the build: then its outcome is there, or about to be.
    let last = async move {
        let built = building.await.unwrap_or(Err(SourceBuildError::Stopping));
        encoded(&keep(&context, built))
    };
    let lines = stream::unfold(telling, next).chain(stream::once(last));
    let lines = lines.map(Ok::<_, std::convert::Infallible>);
    let body = Body::from_stream(lines.take_until(ending.cancelled_owned()));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

async fn receive(builds: &Builds, query: BuildQuery, body: Body) -> Result<SourceArchive, ProblemResponse> {
    let scratch = builds.scratch()?;
    let file = scratch.path().join("archive");
    write(&file, body).await?;
    Ok(SourceArchive {
        file,
        scratch,
        folder: query.folder,
        locking: if query.locked {
            Locking::Frozen
        } else {
            Locking::Update
        },
    })
}

async fn write(path: &std::path::Path, body: Body) -> Result<(), ReceiveError> {
    let mut file = tokio::fs::File::create(path).await?;
    let mut data = body.into_data_stream();
    let mut size = 0;
    while let Some(chunk) = data.next().await {
        let chunk = chunk.map_err(ReceiveError::Broken)?;
        size += chunk.len() as u64;
        if size > LARGEST {
            return Err(ReceiveError::TooLarge);
        }
        file.write_all(&chunk).await?;
    }
    Ok(file.flush().await?)
}

/// Keeps the image until its deploy, and answers the last event.
fn keep(context: &Context, built: Result<BuiltSource, SourceBuildError>) -> BuildEvent {
    match built {
        Ok(BuiltSource { image, lock }) => {
            let parts = image.layers.iter().map(|layer| layer.digest);
            let parts: Vec<_> = parts.chain([image.config, image.manifest]).collect();
            if let Err(error) = parts.iter().try_for_each(|part| context.waiting.keep(part)) {
                return failed(&error, Vec::new());
            }
            BuildEvent::Built {
                image: image.manifest,
                lock,
            }
        }
        Err(error) => {
            let log = error
                .log()
                .map_or_else(Vec::new, |log| log.lines().map(str::to_owned).collect());
            failed(&error, log)
        }
    }
}

fn failed(failure: &dyn Failure, log: Vec<String>) -> BuildEvent {
    BuildEvent::Problem {
        error: problem::told(failure),
        log,
    }
}

/// Events on their way to the client; the build ends with it.
struct Telling {
    queue: mpsc::Receiver<BuildEvent>,
    _hung_up: HungUp,
}

/// Ends a build when nobody listens any more.
struct HungUp(CancellationToken);

impl Drop for HungUp {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

async fn next(mut telling: Telling) -> Option<(Bytes, Telling)> {
    let event = telling.queue.recv().await?;
    Some((encoded(&event), telling))
}

/// Plain data always serialises; an event that would not is left out rather than torn.
fn encoded(event: &BuildEvent) -> Bytes {
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

/// Sends a build's events on. A client that reads too slowly misses some of what is only shown.
struct Teller(mpsc::Sender<BuildEvent>);

impl Observer for Teller {
    fn event(&self, event: coracle_platform::BuildEvent<'_>) {
        if let Some(event) = wire(event) {
            let _ = self.0.try_send(event);
        }
    }
}

fn wire(event: coracle_platform::BuildEvent<'_>) -> Option<BuildEvent> {
    use coracle_platform::BuildEvent as Event;
    let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Some(match event {
        Event::Planned { steps } => BuildEvent::Planned { steps },
        Event::Warning { text } => BuildEvent::Warning {
            text: text.to_owned(),
        },
        Event::Started { step, name } => BuildEvent::Started {
            step: step.to_string(),
            name: name.to_owned(),
        },
        Event::Line { step, text } => BuildEvent::Line {
            step: step.to_string(),
            text: text.to_owned(),
        },
        Event::Transferred {
            step,
            what,
            done,
            total,
        } => BuildEvent::Transferred {
            step: step.to_string(),
            what: what.to_owned(),
            done,
            total,
        },
        Event::Finished {
            step,
            cached,
            duration,
        } => BuildEvent::Finished {
            step: step.to_string(),
            cached,
            ms: ms(duration),
        },
        Event::Failed { step, duration } => BuildEvent::Failed {
            step: step.to_string(),
            ms: ms(duration),
        },
        // The last line says it, once the image is kept.
        Event::Built { .. } => return None,
    })
}
