//! From versions to the one that answers: each runs in place of the one before once it is ready.
//!
//! A version that is starting is given up when a newer one differs from it: who has mended a mistake does not wait until
//! the mistake has used up its grace.

use std::cell::RefCell;

use coracle_platform::Deployed;
use coracle_tasks::CancellationToken;
use tokio::sync::{mpsc, watch};

use super::attempt::Attempt;
use super::changes::Changes;
use super::debugger;
use super::mishap::Mishap;
use crate::error::Error;
use crate::local::{Local, Version};
use crate::printer::Printer;
use crate::progress::time;

/// Runs versions.
pub(super) struct Rollout<'a> {
    local: &'a Local,
    printer: Printer,
    /// The number of the revision that answers; zero before the first one.
    serving: watch::Sender<u64>,
    state: RefCell<State>,
}

/// What was told last.
#[derive(Default)]
struct State {
    /// The version that answers.
    serving: Option<Version>,
    is_broken: bool,
}

/// What came of running a version.
enum Outcome {
    Runs(Box<Deployed>),
    Fails(Mishap),
    /// A newer one came before it was ready.
    GivenUp,
}

impl<'a> Rollout<'a> {
    pub(super) fn new(local: &'a Local, printer: Printer) -> Self {
        Self {
            local,
            printer,
            serving: watch::Sender::new(0),
            state: RefCell::default(),
        }
    }

    /// Answers the number of the revision that answers, and each later one.
    pub(super) fn serving(&self) -> watch::Receiver<u64> {
        self.serving.subscribe()
    }

    /// Runs each version that is made, until it is told to stop.
    pub(super) async fn work(
        &self,
        mut made: mpsc::Receiver<Attempt>,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let mut next = None;
        loop {
            let attempt = match next.take() {
                Some(newer) => Some(newer),
                None => stop.run_until_cancelled(made.recv()).await.flatten(),
            };
            let Some(attempt) = attempt else { return Ok(()) };
            next = self.take(attempt, &mut made, stop).await?;
        }
    }

    /// Takes an attempt to its end; answers the newer one that it was given up for.
    async fn take(
        &self,
        attempt: Attempt,
        made: &mut mpsc::Receiver<Attempt>,
        stop: &CancellationToken,
    ) -> Result<Option<Attempt>, Error> {
        let version = match attempt.outcome {
            Ok(version) => version,
            Err(mishap) => return self.tell_mishap(&attempt.changes, &mishap).map(|()| None),
        };
        if self.state.borrow().serving.as_ref() == Some(&version) {
            self.mend(&attempt.changes);
            return Ok(None);
        }
        let (outcome, newer) = self.run(&version, made, stop).await;
        match outcome {
            Outcome::Runs(deployed) => {
                let told = Told {
                    changes: &attempt.changes,
                    took: &format!(
                        "built {} · ready {}",
                        time(attempt.took),
                        time(deployed.ready_after)
                    ),
                };
                self.switched(version, &deployed, told)?;
            }
            Outcome::Fails(mishap) => self.tell_mishap(&attempt.changes, &mishap)?,
            Outcome::GivenUp => {
                return Ok(newer.map(|mut newer: Attempt| {
                    newer.changes.extend(attempt.changes);
                    newer
                }));
            }
        }
        Ok(newer)
    }

    /// Runs a version, unless a newer one that differs comes before it is ready.
    async fn run(
        &self,
        version: &Version,
        made: &mut mpsc::Receiver<Attempt>,
        stop: &CancellationToken,
    ) -> (Outcome, Option<Attempt>) {
        let given_up = stop.child_token();
        let running = self.local.run(version.clone(), &given_up);
        tokio::pin!(running);
        let mut newer = None;
        let result = loop {
            tokio::select! {
                result = &mut running => break result,
                Some(attempt) = made.recv() => {
                    if attempt.outcome.as_ref().ok() != Some(version) {
                        given_up.cancel();
                        newer = Some(attempt);
                        break running.await;
                    }
                }
            }
        };
        let outcome = match result {
            Ok(deployed) => Outcome::Runs(Box::new(deployed)),
            Err(_) if given_up.is_cancelled() => Outcome::GivenUp,
            Err(error) => Outcome::Fails(debugger::explained(error)),
        };
        (outcome, newer)
    }
}

/// What is told of a switch.
#[derive(Clone, Copy)]
struct Told<'a> {
    changes: &'a Changes,
    took: &'a str,
}

impl Rollout<'_> {
    fn switched(&self, version: Version, deployed: &Deployed, told: Told<'_>) -> Result<(), Error> {
        let is_first = self.state.borrow().serving.is_none();
        *self.state.borrow_mut() = State {
            serving: Some(version),
            is_broken: false,
        };
        self.local.tell(None);
        if is_first {
            let name = &deployed.revision.function.name;
            self.say_good(format_args!(
                "`{name}` runs · {} · changes are followed, Ctrl-C ends it",
                told.took
            ));
        } else {
            self.say_good(format_args!("{} changed · {}", told.changes, told.took));
        }
        self.serving.send_replace(deployed.revision.number);
        self.open()
    }

    /// Notes that what there is is what answers.
    fn mend(&self, changes: &Changes) {
        if std::mem::take(&mut self.state.borrow_mut().is_broken) {
            self.local.tell(None);
            self.say_good(format_args!("{changes} changed · back to what answers"));
        }
    }

    fn tell_mishap(&self, changes: &Changes, mishap: &Mishap) -> Result<(), Error> {
        self.state.borrow_mut().is_broken = true;
        self.local.tell(Some(&mishap.trouble()));
        let paint = self.printer.paint();
        let mark = paint.bad("✗");
        self.printer.say(format_args!("{mark} {changes} changed"));
        self.printer.insist(mishap.report(paint));
        let rest = match self.state.borrow().serving {
            Some(_) => "the version before goes on answering; the next change is tried again",
            None => "nothing answers yet; the next change is tried again",
        };
        self.printer.say(paint.faint(rest));
        self.open()
    }

    /// Answers requests from the first outcome on, and says where.
    fn open(&self) -> Result<(), Error> {
        if self.local.open() {
            self.printer.line(self.local.url())?;
        }
        Ok(())
    }

    fn say_good(&self, text: impl std::fmt::Display) {
        let mark = self.printer.paint().good("✓");
        self.printer.say(format_args!("{mark} {text}"));
    }
}
