//! Attending to an instance from its creation until nothing of it is left.
//!
//! One task an instance reads what it prints, notices its end or brings it about, and clears away: whatever else goes
//! wrong, there is one place that ends sandboxes.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use coracle_sandbox::{Exit, Output};
use coracle_state::Stream;
use coracle_tasks::CancellationToken;
use tokio::time::{Instant, timeout};

use super::Fleet;
use super::backoff::LONG_ENOUGH;
use crate::failure::{LastLines, StartCause, StartFailure, Unready};
use crate::instance::{Instance, State};
use crate::probe::NotReady;

/// How long the pipes of an instance that has ended are still read.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

impl Fleet {
    /// Attends to an instance in the background.
    pub(super) fn attend(self: &Arc<Self>, instance: &Arc<Instance>, output: Option<Output>) {
        let (fleet, instance) = (Arc::clone(self), Arc::clone(instance));
        let name = format!("instance {}", instance.id());
        self.services.tasks.spawn_graceful(name, |stop| async move {
            let exit = fleet.until_gone(&instance, output, stop).await;
            fleet.part_with(&instance, exit);
        });
    }

    async fn until_gone(&self, instance: &Instance, output: Option<Output>, stop: CancellationToken) -> Exit {
        let mut reading = pin!(self.read(instance, output));
        let mut ending = pin!(self.end_of(instance, stop));
        let mut heard_all = false;
        let exit = loop {
            tokio::select! {
                exit = &mut ending => break exit,
                () = &mut reading, if !heard_all => heard_all = true,
            }
        };
        if !heard_all {
            let _ = timeout(LAST_OUTPUT, reading).await;
        }
        exit
    }

    /// Waits for the program's end, or brings it about; then clears its sandbox away.
    async fn end_of(&self, instance: &Instance, stop: CancellationToken) -> Exit {
        let sandbox = instance.sandbox();
        let ended = tokio::select! {
            exit = sandbox.wait() => exit,
            grace = instance.dismissed() => sandbox.stop(grace).await,
            () = stop.cancelled() => sandbox.stop(self.services.stop_grace).await,
        };
        // Who cannot tell how it ended has killed it.
        let exit = ended.unwrap_or(Exit::Signal(9));
        instance.exited(exit);
        self.door.remove(instance.id());
        if let Err(error) = sandbox.remove().await {
            // A keeper that is lost clears away by itself.
            tracing::warn!(instance = %instance.id(), error = &error as &dyn Error, "sandbox is not cleared away");
        }
        exit
    }

    async fn read(&self, instance: &Instance, output: Option<Output>) {
        let Some(Output { stdout, stderr }) = output else {
            return;
        };
        let journal = &self.services.journal;
        let revision = &self.revision;
        tokio::join!(
            journal.keep(revision, instance, Stream::Stdout, stdout),
            journal.keep(revision, instance, Stream::Stderr, stderr),
        );
    }

    fn part_with(self: &Arc<Self>, instance: &Instance, exit: Exit) {
        let was = instance.state();
        self.crew().instances.retain(|other| other.id() != instance.id());
        instance.enter(State::Gone);
        if !instance.is_dismissed() && was != State::Starting {
            self.note_crash(instance, exit);
        }
        if !self.crew().closed {
            // Of what is removed nothing is noted any more.
            self.services.journal.exited(&self.revision, instance, exit);
        }
        self.services.fleets.look_soon();
        if instance.is_dismissed() {
            self.make_spare();
        }
    }

    /// An instance that ends soon after it became ready counts as a failed start, so that a loop of them slows down.
    fn note_crash(&self, instance: &Instance, exit: Exit) {
        let now = Instant::now();
        let mut crew = self.crew();
        if now - instance.born() >= LONG_ENOUGH {
            crew.backoff.succeeded();
            return;
        }
        let cause = StartCause::NotReady(Unready(NotReady::Exited(exit)));
        let said = LastLines::of(instance.last_lines());
        crew.backoff.failed(
            Arc::new(StartFailure {
                said,
                ..self.failure(cause)
            }),
            now,
        );
    }
}
