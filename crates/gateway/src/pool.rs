//! The unused connections to one instance.
//!
//! Hyper's legacy client pools by authority; it can neither count what an instance has in flight nor drop what is
//! kept for an instance that is frozen or gone. Last in, first out, so that what is not needed grows old.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coracle_tasks::Tasks;
use tokio::time::{Instant, sleep_until};

use crate::connection::Connection;

/// The unused connections to one instance.
pub(crate) struct Pool {
    keep: Duration,
    most: usize,
    tasks: Tasks,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Oldest first.
    connections: Vec<Connection>,
    swept: bool,
    closed: bool,
}

/// What the pool has.
pub(crate) enum Taken {
    /// A connection that can send now.
    Ready(Connection),
    /// A connection whose last exchange is just ending.
    Settling(Connection),
    /// None.
    Empty,
}

impl Pool {
    pub(crate) fn new(keep: Duration, most: usize, tasks: Tasks) -> Arc<Self> {
        Arc::new(Self {
            keep,
            most,
            tasks,
            kept: Mutex::default(),
        })
    }

    /// Takes the connection used last, if any is left that its server has not closed.
    pub(crate) fn take(&self) -> Taken {
        let newest = Instant::now();
        let mut kept = self.lock();
        while let Some(connection) = kept.connections.pop() {
            if connection.sender.is_ready() && connection.unused + self.keep > newest {
                return Taken::Ready(connection);
            }
            if !connection.sender.is_closed() && !connection.sender.is_ready() {
                return Taken::Settling(connection);
            }
        }
        Taken::Empty
    }

    /// Keeps a connection whose exchange is complete.
    pub(crate) fn put(self: &Arc<Self>, mut connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        connection.reused = true;
        connection.unused = Instant::now();
        let mut kept = self.lock();
        if kept.closed || kept.connections.len() >= self.most {
            return;
        }
        kept.connections.push(connection);
        if !std::mem::replace(&mut kept.swept, true) {
            drop(kept);
            self.tasks
                .spawn("closing unused connections", Arc::clone(self).sweep());
        }
    }

    /// Closes what is unused. Connections may be kept again afterwards.
    pub(crate) fn clear(&self) {
        self.lock().connections.clear();
    }

    /// Closes what is unused, and whatever comes back later.
    pub(crate) fn close(&self) {
        let mut kept = self.lock();
        kept.closed = true;
        kept.connections.clear();
    }

    /// Closes connections as they grow old, until none is left.
    async fn sweep(self: Arc<Self>) {
        while let Some(oldest) = self.close_old() {
            sleep_until(oldest + self.keep).await;
        }
    }

    /// Closes what is too old. Answers since when the oldest of the rest is unused.
    fn close_old(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut kept = self.lock();
        kept.connections
            .retain(|connection| connection.unused + self.keep > now && !connection.sender.is_closed());
        let oldest = kept.connections.first().map(|connection| connection.unused);
        kept.swept = oldest.is_some();
        oldest
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
