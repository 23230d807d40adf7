//! Serves connections: bounded in number, in the time a head may take, and in the time a client may take to read.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use coracle_tasks::{CancellationToken, Tasks};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::gateway::Gateway;
use crate::inbound::Inbound;
use crate::patience::Patient;
use crate::peer::Peer;
use crate::upstream::Io;

/// Where connections come from.
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A socket in the file system.
    Unix(UnixListener),
}

/// The bounds of a listener's connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// How long a request's head may take, from the connection or the last response on.
    pub head: Duration,
    /// The largest head, in bytes.
    pub head_size: usize,
    /// How long a client may take nothing of its response.
    pub write: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        let minute = Duration::from_mins(1);
        Self {
            connections: 10_000,
            head: minute,
            head_size: 64 << 10,
            write: minute,
        }
    }
}

/// Serves `listener` until `tasks` is told to end; then requests in flight are finished, and no more are taken.
pub fn serve(gateway: Arc<Gateway>, listener: Listener, limits: ListenerLimits, tasks: &Tasks) {
    let server = Server {
        gateway,
        limits,
        tasks: tasks.clone(),
    };
    tasks.spawn_graceful("listener", |token| server.accept(listener, token));
}

struct Server {
    gateway: Arc<Gateway>,
    limits: ListenerLimits,
    tasks: Tasks,
}

impl Server {
    async fn accept(self, listener: Listener, token: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        loop {
            let next = async {
                let permit = Arc::clone(&places).acquire_owned().await;
                (permit, listener.accept().await)
            };
            match token.run_until_cancelled(next).await {
                None | Some((Err(_), _)) => return,
                Some((Ok(permit), Ok((io, peer)))) => self.serve(io, peer, permit),
                Some((_, Err(error))) => refused(&error).await,
            }
        }
    }

    fn serve(&self, io: Box<dyn Io>, peer: Peer, permit: OwnedSemaphorePermit) {
        let gateway = Arc::clone(&self.gateway);
        let limits = self.limits.clone();
        self.tasks.spawn_graceful("connection", async move |token| {
            let _permit = permit;
            serve_connection(gateway, io, peer, &limits, token).await;
        });
    }
}

async fn serve_connection(
    gateway: Arc<Gateway>,
    io: Box<dyn Io>,
    peer: Peer,
    limits: &ListenerLimits,
    token: CancellationToken,
) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(gateway.handle(request.map(Inbound::from), peer).await) }
    });
    let io = TokioIo::new(Patient::new(io, limits.write));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_size)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = token.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<(Box<dyn Io>, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Peer::Tcp(address)))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let uid = stream.peer_cred()?.uid();
                Ok((Box::new(stream), Peer::Unix { uid }))
            }
        }
    }
}

/// Waits after a failed accept. Most concern one connection; a want of descriptors lasts, says nothing when it is
/// over, and would otherwise make this loop spin.
async fn refused(error: &io::Error) {
    const BREATH: Duration = Duration::from_millis(50);
    tracing::warn!(%error, "cannot accept a connection");
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tokio::time::sleep(BREATH).await;
    }
}
