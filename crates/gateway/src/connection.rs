//! One HTTP/1.1 connection to an instance, driven by a task that ends with it.

use coracle_tasks::{Task, Tasks};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::inbound::RequestBody;
use crate::upstream::{DialError, Io};

/// A connection to an instance. Dropping it closes it, whatever it was doing: that is how an instance learns that
/// the client has left.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<RequestBody>,
    /// Answers whether it has carried a request before.
    pub(crate) reused: bool,
    /// Since when nobody uses it.
    pub(crate) unused: Instant,
    task: Task,
}

impl Connection {
    /// Speaks HTTP/1.1 over `io`.
    pub(crate) async fn open(io: Box<dyn Io>, tasks: &Tasks) -> Result<Self, DialError> {
        let handshake = http1::Builder::new().handshake(TokioIo::new(io)).await;
        let (sender, connection) = handshake.map_err(|error| DialError::Io(std::io::Error::other(error)))?;
        let task = tasks.spawn("connection to an instance", async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to an instance ended");
            }
        });
        Ok(Self {
            sender,
            reused: false,
            unused: Instant::now(),
            task,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
