//! What is known of a build's steps: events go in, the views read it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use coracle_plan::StepId;
use coracle_plan::progress::Event;

/// How many of a running step's last lines are shown.
const TAIL: usize = 4;

/// What is known of a build.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// How many steps the plan has.
    planned: usize,
    steps: Vec<Seen>,
}

/// A step that has begun.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) id: StepId,
    /// Its place in the order of beginnings, from 1.
    pub(super) number: usize,
    /// What it does, in words.
    pub(super) name: String,
    pub(super) since: Instant,
    pub(super) state: State,
    /// The last lines that it printed.
    pub(super) tail: VecDeque<String>,
    pub(super) transfer: Option<Transfer>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Cached,
    Done(Duration),
    Failed(Duration),
}

/// Bytes on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transfer {
    /// What is being moved, in words.
    pub(super) what: String,
    pub(super) done: u64,
    /// Zero when not known.
    pub(super) total: u64,
}

impl Board {
    /// Takes an event in; answers the step that it was about.
    pub(super) fn apply(&mut self, event: Event<'_>, now: Instant) -> Option<&Seen> {
        match event {
            Event::Planned { steps } => {
                *self = Self {
                    planned: steps,
                    steps: Vec::new(),
                };
                None
            }
            Event::Started { step, name } => Some(self.begin(step, name, now)),
            Event::Line { step, text } => self.change(step, |seen| seen.push(text)),
            Event::Transferred {
                step,
                what,
                done,
                total,
            } => self.change(step, |seen| {
                let what = what.to_owned();
                seen.transfer = Some(Transfer { what, done, total });
            }),
            Event::Finished {
                step, cached: true, ..
            } => self.change(step, |seen| seen.state = State::Cached),
            Event::Finished { step, duration, .. } => {
                self.change(step, |seen| seen.state = State::Done(duration))
            }
            Event::Failed { step, duration } => {
                self.change(step, |seen| seen.state = State::Failed(duration))
            }
            Event::Warning { .. } | Event::Built { .. } => None,
        }
    }

    /// Answers how many steps the plan has, or have begun.
    pub(super) fn total(&self) -> usize {
        self.planned.max(self.steps.len())
    }

    /// Answers the steps that run.
    pub(super) fn running(&self) -> impl Iterator<Item = &Seen> {
        self.steps.iter().filter(|seen| seen.state == State::Running)
    }

    /// Answers the step called `id`, once it has begun.
    pub(super) fn step(&self, id: &StepId) -> Option<&Seen> {
        self.steps.iter().find(|seen| seen.id == *id)
    }

    fn begin(&mut self, id: &StepId, name: &str, now: Instant) -> &Seen {
        self.steps.push(Seen {
            id: id.clone(),
            number: self.steps.len() + 1,
            name: name.to_owned(),
            since: now,
            state: State::Running,
            tail: VecDeque::new(),
            transfer: None,
        });
        &self.steps[self.steps.len() - 1]
    }

    fn change(&mut self, id: &StepId, change: impl FnOnce(&mut Seen)) -> Option<&Seen> {
        let seen = self.steps.iter_mut().find(|seen| seen.id == *id)?;
        change(seen);
        Some(seen)
    }
}

impl Seen {
    fn push(&mut self, line: &str) {
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
    }
}
