//! One instance, as requests see it: a way to it, and the connections that are open.

use std::fmt;
use std::sync::Arc;

use coracle_tasks::Tasks;
use tokio::sync::Notify;

use crate::connection::Connection;
use crate::id::InstanceId;
use crate::limits::Limits;
use crate::pool::{Pool, Taken};
use crate::upstream::{DialError, Upstream};

/// One instance.
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    upstream: Arc<dyn Upstream>,
    pub(crate) pool: Arc<Pool>,
    tasks: Tasks,
    /// Wakes whoever waits for the last request in flight.
    pub(crate) idle: Notify,
}

impl Instance {
    pub(crate) fn new(
        id: InstanceId,
        upstream: Arc<dyn Upstream>,
        limits: &Limits,
        tasks: &Tasks,
    ) -> Arc<Self> {
        let most = usize::try_from(limits.concurrency.get()).unwrap_or(usize::MAX);
        let pool = Pool::new(limits.keep_connection, most, tasks.clone());
        Arc::new(Self {
            id,
            upstream,
            pool,
            tasks: tasks.clone(),
            idle: Notify::new(),
        })
    }

    /// Answers a connection: an unused one, else a new one.
    pub(crate) async fn connect(&self) -> Result<Connection, DialError> {
        match self.pool.take() {
            Taken::Ready(connection) => Ok(connection),
            Taken::Settling(connection) => self.settle(connection).await,
            Taken::Empty => self.dial().await,
        }
    }

    /// Answers a new connection.
    pub(crate) async fn dial(&self) -> Result<Connection, DialError> {
        Connection::open(self.upstream.dial().await?, &self.tasks).await
    }

    /// Waits for a connection to finish with its last exchange, which nearly always has happened by now; a new
    /// one that is faster wins.
    async fn settle(&self, mut connection: Connection) -> Result<Connection, DialError> {
        tokio::select! {
            biased;
            ready = connection.sender.ready() => match ready {
                Ok(()) => Ok(connection),
                Err(_) => self.dial().await,
            },
            dialled = self.dial() => dialled,
        }
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.id, f)
    }
}
