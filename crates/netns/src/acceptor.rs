//! Serves the connections of a listener, so many at a time, within the task that awaits it.
//!
//! No task is spawned for a connection: what serves an instance is one task, and ends as one.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// How long to leave a listener alone that cannot accept, for want of descriptors as a rule.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Accepts connections for ever and has `handle` serve each; while `limit` are served, others wait in the backlog.
pub(crate) async fn serve_connections<F>(
    listener: &TcpListener,
    limit: usize,
    handle: impl Fn(TcpStream) -> F,
) where
    F: Future<Output = ()>,
{
    let mut served = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = accept(listener), if served.len() < limit => served.push(handle(accepted)),
            Some(()) = served.next(), if !served.is_empty() => {}
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}
