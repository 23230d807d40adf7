//! How a build goes, as BuildKit tells it, in the words of our own builds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};
use coracle_build::{Event, LogTail, Observer, StepReport};
use coracle_plan::StepId;

/// The longest line that is told in one piece, in bytes.
const LONGEST: usize = 16 << 10;
/// The most steps of a build.
const MOST_STEPS: usize = 20_000;

/// What is known of a build so far.
pub(crate) struct Board {
    observer: Arc<dyn Observer>,
    /// By the digests that BuildKit tells them apart by.
    places: HashMap<String, usize>,
    steps: Vec<Step>,
    warned: Vec<String>,
}

struct Step {
    id: StepId,
    name: String,
    state: State,
    /// What it printed of a line that has no end yet.
    open: Vec<u8>,
    tail: LogTail,
}

/// `Waiting → Running → Done`; what somebody else did before goes from `Waiting` to `Done`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done { cached: bool, took: Duration },
    Failed,
}

impl Board {
    pub(crate) fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            observer,
            places: HashMap::new(),
            steps: Vec::new(),
            warned: Vec::new(),
        }
    }

    /// Takes notice of what BuildKit tells.
    pub(crate) fn take(&mut self, told: &StatusResponse) {
        for vertex in &told.vertexes {
            if let Some(place) = self.place(vertex) {
                self.begin(place, vertex);
            }
        }
        for status in &told.statuses {
            self.transferred(status);
        }
        for log in &told.logs {
            self.printed(log);
        }
        for warning in &told.warnings {
            self.warn(warning);
        }
        for vertex in &told.vertexes {
            if let Some(place) = self.place(vertex) {
                self.end(place, vertex);
            }
        }
    }

    /// Answers what each step that began took.
    pub(crate) fn report(&self) -> Vec<StepReport> {
        let report = |step: &Step| match step.state {
            State::Done { cached, took } => Some(StepReport {
                id: step.id.clone(),
                name: step.name.clone(),
                cached,
                duration: took,
            }),
            State::Waiting | State::Running | State::Failed => None,
        };
        self.steps.iter().filter_map(report).collect()
    }

    /// Answers what the step that failed printed last, if it printed anything.
    pub(crate) fn log(&self) -> Option<LogTail> {
        let failed = self.steps.iter().find(|step| step.state == State::Failed)?;
        failed.tail.lines().next().is_some().then(|| failed.tail.clone())
    }

    fn place(&mut self, vertex: &Vertex) -> Option<usize> {
        if let Some(place) = self.places.get(&vertex.digest) {
            return Some(*place);
        }
        let place = self.steps.len();
        if place == MOST_STEPS {
            return None;
        }
        self.places.insert(vertex.digest.clone(), place);
        self.steps.push(Step {
            id: StepId::new((place + 1).to_string()),
            name: vertex.name.clone(),
            state: State::Waiting,
            open: Vec::new(),
            tail: LogTail::default(),
        });
        Some(place)
    }

    fn begin(&mut self, place: usize, vertex: &Vertex) {
        let step = &mut self.steps[place];
        if step.state == State::Waiting && vertex.started.is_some() {
            step.state = State::Running;
            let name = &step.name;
            self.observer.event(Event::Started { step: &step.id, name });
        }
    }

    fn end(&mut self, place: usize, vertex: &Vertex) {
        let (Some(since), Some(until)) = (&vertex.started, &vertex.completed) else {
            return;
        };
        if self.steps[place].state != State::Running {
            return;
        }
        self.flush(place);
        let took = between(since, until);
        let step = &mut self.steps[place];
        let id = &step.id;
        if vertex.error.is_empty() {
            let cached = vertex.cached;
            step.state = State::Done { cached, took };
            self.observer.event(Event::Finished {
                step: id,
                cached,
                duration: took,
            });
        } else {
            step.state = State::Failed;
            self.observer.event(Event::Failed {
                step: id,
                duration: took,
            });
        }
    }

    fn transferred(&self, status: &VertexStatus) {
        let bytes = |count: i64| u64::try_from(count).unwrap_or_default();
        if let Some(step) = self.running(&status.vertex)
            && status.current > 0
        {
            self.observer.event(Event::Transferred {
                step: &step.id,
                what: if status.name.is_empty() {
                    &status.id
                } else {
                    &status.name
                },
                done: bytes(status.current),
                total: bytes(status.total),
            });
        }
    }

    fn running(&self, digest: &str) -> Option<&Step> {
        let step = &self.steps[*self.places.get(digest)?];
        (step.state == State::Running).then_some(step)
    }

    /// Tells whole lines, and keeps the start of the one that goes on.
    fn printed(&mut self, log: &VertexLog) {
        let Some(&place) = self.places.get(&log.vertex) else {
            return;
        };
        for piece in log.msg.split_inclusive(|byte| *byte == b'\n') {
            let open = &mut self.steps[place].open;
            open.extend_from_slice(piece);
            if open.ends_with(b"\n") || open.len() >= LONGEST {
                self.flush(place);
            }
        }
    }

    fn flush(&mut self, place: usize) {
        let step = &mut self.steps[place];
        let line = std::mem::take(&mut step.open);
        if line.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        self.observer.event(Event::Line { step: &step.id, text });
        step.tail.push(text.to_owned());
    }

    /// Tells a warning once, with where it belongs.
    fn warn(&mut self, warning: &VertexWarning) {
        let mut text = String::from_utf8_lossy(&warning.short).into_owned();
        let start = warning.ranges.first().and_then(|range| range.start.as_ref());
        if let (Some(info), Some(start)) = (&warning.info, start) {
            text = format!("{text} ({}, line {})", info.filename, start.line);
        }
        if !self.warned.contains(&text) && self.warned.len() < MOST_STEPS {
            self.observer.event(Event::Warning { text: &text });
            self.warned.push(text);
        }
    }
}

fn between(since: &Timestamp, until: &Timestamp) -> Duration {
    let nanos = |time: &Timestamp| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    let took = nanos(until) - nanos(since);
    Duration::from_nanos(u64::try_from(took).unwrap_or_default())
}

#[cfg(test)]
mod tests;
