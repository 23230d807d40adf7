//! A group of tasks that end together.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::registry::{Name, Registry};

/// A group of named tasks that are told to end together, cheap to clone.
///
/// Groups nest: [`Tasks::group`] makes an inner one that ends before its outer one's own tasks do, the last made
/// first, as values leave a scope.
#[derive(Clone, Default)]
pub struct Tasks {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    tracker: TaskTracker,
    registry: Arc<Registry>,
    inner: Mutex<Vec<Tasks>>,
    /// Asks tasks to end.
    stop: CancellationToken,
    /// Ends tasks that were asked and have not ended.
    kill: CancellationToken,
}

/// A spawned task. Dropping it leaves the task running.
pub struct Task {
    handle: tokio::task::JoinHandle<()>,
}

impl Tasks {
    /// Makes a group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a group inside this one: it ends first.
    #[must_use]
    pub fn group(&self) -> Self {
        let group = Self {
            shared: Arc::new(Shared {
                stop: self.shared.stop.child_token(),
                ..Shared::default()
            }),
        };
        let mut inner = self.lock_inner();
        inner.retain(Self::is_needed);
        inner.push(group.clone());
        drop(inner);
        group
    }

    /// Answers the token that is cancelled when the group is told to end.
    pub fn token(&self) -> CancellationToken {
        self.shared.stop.clone()
    }

    /// Runs `future`, dropping it at its next `await` when the group is told to end.
    pub fn spawn(&self, name: impl Into<Name>, future: impl Future<Output = ()> + Send + 'static) -> Task {
        self.run(name.into(), &self.shared.stop, future)
    }

    /// Runs the future that `make` answers, which ends by itself once the token it is given is cancelled.
    ///
    /// It is dropped at its next `await` only when the deadline of [`Tasks::shutdown`] passes.
    pub fn spawn_graceful<F>(&self, name: impl Into<Name>, make: impl FnOnce(CancellationToken) -> F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.run(name.into(), &self.shared.kill, make(self.token()))
    }

    /// Tells the group to end without waiting for it.
    pub fn cancel(&self) {
        self.shared.stop.cancel();
    }

    /// Ends the group within `grace`: inner groups first, last made first, then its own tasks.
    ///
    /// What still runs at the deadline is dropped at its next `await`. Answers the names of those.
    pub async fn shutdown(&self, grace: Duration) -> Vec<Name> {
        self.shutdown_by(Instant::now() + grace).await
    }

    async fn shutdown_by(&self, deadline: Instant) -> Vec<Name> {
        let mut late = Vec::new();
        let inner: Vec<Self> = std::mem::take(&mut *self.lock_inner());
        for group in inner.iter().rev() {
            late.extend(Box::pin(group.shutdown_by(deadline)).await);
        }
        late.extend(self.end_own(deadline).await);
        late
    }

    async fn end_own(&self, deadline: Instant) -> Vec<Name> {
        self.shared.stop.cancel();
        self.shared.tracker.close();
        if tokio::time::timeout_at(deadline, self.shared.tracker.wait())
            .await
            .is_ok()
        {
            return Vec::new();
        }
        let late = self.shared.registry.names();
        tracing::warn!(tasks = ?late, "tasks did not end in time");
        self.shared.kill.cancel();
        late
    }

    fn run(
        &self,
        name: Name,
        end: &CancellationToken,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Task {
        let entry = self.shared.registry.enter(name);
        let end = end.clone();
        let tracked = self.shared.tracker.track_future(async move {
            // A local of this frame, so that a panic below unwinds through it.
            let _entry = entry;
            end.run_until_cancelled(future).await;
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that tracks what it spawns"
        )]
        let handle = tokio::spawn(tracked);
        Task { handle }
    }

    /// Answers whether somebody else holds the group, or something in it runs.
    fn is_needed(&self) -> bool {
        Arc::strong_count(&self.shared) > 1
            || !self.shared.tracker.is_empty()
            || self.lock_inner().iter().any(Self::is_needed)
    }

    fn lock_inner(&self) -> std::sync::MutexGuard<'_, Vec<Tasks>> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task {
    /// Ends the task at its next `await`.
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// Answers whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Waits for the task's end, however it ends.
    pub async fn ended(self) {
        let _ = self.handle.await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::mpsc;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test(start_paused = true)]
    async fn shutdown_drops_plain_tasks_and_waits_for_graceful_ones() {
        let tasks = Tasks::new();
        let (said, mut heard) = mpsc::unbounded_channel();
        tasks.spawn("plain", pending());
        tasks.spawn_graceful("graceful", |token| async move {
            token.cancelled().await;
            tokio::time::sleep(SHORT / 2).await;
            said.send("done").ok();
        });
        assert!(tasks.shutdown(SHORT).await.is_empty());
        assert_eq!(heard.recv().await, Some("done"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_listen_is_named_and_ended_at_the_deadline() {
        let tasks = Tasks::new();
        let deaf = tasks.spawn_graceful("deaf", |_| pending());
        assert_eq!(tasks.shutdown(SHORT).await, ["deaf"]);
        deaf.ended().await;
    }

    #[tokio::test]
    async fn inner_groups_end_before_outer_ones_and_the_last_made_first() {
        let outer = Tasks::new();
        let (said, mut heard) = mpsc::unbounded_channel();
        for (group, name) in [
            (outer.clone(), "outer"),
            (outer.group(), "first"),
            (outer.group(), "second"),
        ] {
            let said = said.clone();
            group.spawn_graceful(name, |token| async move {
                token.cancelled().await;
                said.send(name).ok();
            });
        }
        outer.shutdown(Duration::from_mins(1)).await;
        let order = [heard.recv().await, heard.recv().await, heard.recv().await];
        assert_eq!(order, [Some("second"), Some("first"), Some("outer")]);
    }

    #[tokio::test]
    async fn a_panicking_task_leaves_the_group_and_harms_nobody() {
        let tasks = Tasks::new();
        tasks
            .spawn("broken", async { panic!("expected by the test") })
            .ended()
            .await;
        assert!(tasks.shared.registry.names().is_empty());
        assert!(tasks.shutdown(Duration::from_mins(1)).await.is_empty());
    }

    #[tokio::test]
    async fn a_group_that_nobody_needs_is_forgotten_and_one_with_a_task_is_not() {
        let outer = Tasks::new();
        let busy = outer.group().spawn("busy", pending());
        for _ in 0..10 {
            drop(outer.group());
        }
        assert_eq!(outer.lock_inner().len(), 2);
        outer.shutdown(Duration::from_mins(1)).await;
        busy.ended().await;
    }

    #[tokio::test]
    async fn a_group_made_after_the_end_is_told_at_once() {
        let tasks = Tasks::new();
        tasks.cancel();
        tasks.group().spawn("late", pending()).ended().await;
    }
}
