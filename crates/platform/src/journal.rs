//! What instances print and what happens to them: kept, and read again.

use std::time::{SystemTime, UNIX_EPOCH};

use coracle_sandbox::Exit;
use coracle_sandbox::lines::{LONGEST_LINE, Lines};
use coracle_spec::revision::Scale;
use coracle_spec::{Freeze, FunctionId};
use coracle_state::{Event, Line, LogError, Logs, NewEvent, State, StateError, Stream};
use coracle_tasks::{CancellationToken, Tasks};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::{mpsc, oneshot};

use crate::failure::StartFailure;
use crate::happening::{self, Exited, StartFailed};
use crate::instance::Instance;
use crate::revision::Revision;

/// How many events may wait for the disk; more are lost, with a warning.
const LONGEST_QUEUE: usize = 1024;

/// Keeps lines and events.
pub(crate) struct Journal {
    state: State,
    events: mpsc::Sender<Entry>,
}

/// What waits to be written, in order.
enum Entry {
    /// Something that happened.
    Event(NewEvent),
    /// Somebody waits for everything before.
    Flush(oneshot::Sender<()>),
}

impl Journal {
    /// Makes a journal on `state`, whose events are written by a task of `tasks`.
    pub(crate) fn new(state: State, tasks: &Tasks) -> Self {
        let (events, queue) = mpsc::channel(LONGEST_QUEUE);
        let kept = state.clone();
        tasks.spawn_graceful("events", |stop| write_events(kept, queue, stop));
        Self { state, events }
    }

    /// Answers the log itself.
    pub(crate) fn logs(&self) -> &Logs {
        self.state.logs()
    }

    /// Keeps what an instance prints on `pipe`, to its end.
    ///
    /// The pipe is read whatever the disk does: a program whose pipe nobody reads stands still at its next `print`.
    pub(crate) async fn keep(
        &self,
        revision: &Revision,
        instance: &Instance,
        stream: Stream,
        mut pipe: impl AsyncRead + Unpin,
    ) {
        let mut scribe = Scribe {
            revision,
            instance,
            stream,
            lines: Vec::new(),
        };
        let mut cut = Lines::default();
        let mut buffer = vec![0; LONGEST_LINE];
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            cut.add(&buffer[..count], &mut |line| scribe.write(line));
            self.append(revision, std::mem::take(&mut scribe.lines)).await;
        }
        cut.finish(&mut |line| scribe.write(line));
        self.append(revision, scribe.lines).await;
    }

    async fn append(&self, revision: &Revision, lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        if let Err(error) = self.logs().append(&revision.function, lines).await {
            tracing::warn!(function = %revision.function, %error, "log lines are lost");
        }
    }

    /// Notes that a revision serves.
    pub(crate) fn deployed(&self, revision: &Revision) {
        self.note(
            revision,
            "deployed",
            format!("revision {} serves", revision.number),
        );
    }

    /// Notes that an earlier revision serves again.
    pub(crate) fn rolled_back(&self, revision: &Revision, from: Option<u64>) {
        let from = from.map_or_else(String::new, |from| format!(", in place of revision {from}"));
        let message = format!("revision {} serves again{from}", revision.number);
        self.note(revision, "rolled_back", message);
    }

    /// Notes that there are to be more or fewer instances.
    pub(crate) fn rescaled(&self, revision: &Revision, before: &Scale, scale: &Scale) {
        let message = format!("{}, before: {}", told(scale), told(before));
        self.note(revision, "scaled", message);
    }

    /// Notes that an instance became ready.
    pub(crate) fn started(&self, revision: &Revision, instance: &Instance) {
        let ready_ms = instance.born().elapsed().as_millis();
        self.note(
            revision,
            "started",
            format!("instance `{}` became ready after {ready_ms} ms", instance.id()),
        );
    }

    /// Notes that an instance of an earlier platform was taken over.
    pub(crate) fn adopted(&self, revision: &Revision, instance: &Instance) {
        self.note(
            revision,
            "adopted",
            format!("instance `{}` of the last server was taken over", instance.id()),
        );
    }

    /// Notes that an instance did not become ready.
    pub(crate) fn start_failed(&self, revision: &Revision, failure: &StartFailure) {
        let what = happening::detail(&StartFailed::of(failure));
        self.note_with(revision, "start_failed", failure.to_string(), what);
    }

    /// Notes that an instance failed its health checks.
    pub(crate) fn unwell(&self, revision: &Revision, instance: &Instance, why: &str) {
        let message = format!("instance `{}` failed its health checks: {why}", instance.id());
        self.note(revision, "unhealthy", message);
    }

    /// Notes that an instance ended.
    pub(crate) fn exited(&self, revision: &Revision, instance: &Instance, exit: Exit) {
        let what = Exited::of(
            revision.number,
            instance.id().to_string(),
            exit,
            instance.is_dismissed(),
        );
        let message = format!("instance `{}` is gone: {}", what.instance, what.how);
        self.note_with(revision, "exited", message, happening::detail(&what));
    }

    /// Notes an event, which is written in the background: what happens does not wait for the disk.
    fn note(&self, revision: &Revision, kind: &'static str, message: String) {
        self.note_with(revision, kind, message, None);
    }

    fn note_with(&self, revision: &Revision, kind: &'static str, message: String, detail: Option<Value>) {
        tracing::info!(function = %revision.function, revision = revision.number, kind, "{message}");
        let event = NewEvent {
            function: revision.function.clone(),
            kind: kind.to_owned(),
            message,
            detail,
        };
        if self.events.try_send(Entry::Event(event)).is_err() {
            tracing::warn!(function = %revision.function, kind, "an event is lost");
        }
    }

    /// Answers what happened last to a function, newest first.
    pub(crate) async fn events(&self, function: &FunctionId, most: u32) -> Result<Vec<Event>, StateError> {
        let (flushed, done) = oneshot::channel();
        if self.events.send(Entry::Flush(flushed)).await.is_ok() {
            let _ = done.await;
        }
        self.state.events(function, most).await
    }

    /// Forgets what a removed function printed. Who follows it is told that nothing will come.
    pub(crate) async fn forget(&self, function: &FunctionId) -> Result<(), LogError> {
        self.logs().remove(function).await
    }
}

/// Writes events until it is told to stop; those noted before that are written still.
async fn write_events(state: State, mut queue: mpsc::Receiver<Entry>, stop: CancellationToken) {
    loop {
        let next = tokio::select! {
            biased;
            next = queue.recv() => next,
            () = stop.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
        };
        match next {
            Some(Entry::Event(event)) => {
                if let Err(error) = state.add_event(event).await {
                    tracing::warn!(%error, "an event is lost");
                }
            }
            Some(Entry::Flush(waiting)) => {
                let _ = waiting.send(());
            }
            None => return,
        }
    }
}

/// Writes down what one instance prints in one place.
struct Scribe<'a> {
    revision: &'a Revision,
    instance: &'a Instance,
    stream: Stream,
    lines: Vec<Line>,
}

impl Scribe<'_> {
    fn write(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line).into_owned();
        self.instance.heard(&text);
        self.lines.push(Line {
            at_ms: now_ms(),
            revision: self.revision.number,
            instance: self.instance.id().to_string(),
            stream: self.stream,
            text,
            continued: line.len() == LONGEST_LINE,
        });
    }
}

/// Says how many instances there are to be.
fn told(scale: &Scale) -> String {
    let freeze = scale.freeze.map_or(Freeze::Never, Freeze::After);
    format!(
        "{} to {} instances, {} requests at once in each, frozen after {freeze}, ended after {}",
        scale.min, scale.max, scale.concurrency, scale.idle
    )
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
