//! Serves connections: bounded in number, in the time a head (or a handshake of TLS) may take, and in the time a client
//! may take to read.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use coracle_tasks::{CancellationToken, Tasks};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::gateway::Gateway;
use crate::inbound::Inbound;
use crate::patience::Patient;
use crate::peer::Peer;
use crate::upstream::Io;

/// How a listener shows who it is. What is stored later holds for connections from then on.
pub type TlsConfig = Arc<ArcSwap<ServerConfig>>;

/// Where connections come from.
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A TCP port that speaks TLS.
    Tls(TcpListener, TlsConfig),
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
                Some((Ok(permit), Ok(accepted))) => self.serve(accepted, permit),
                Some((_, Err(error))) => refused(&error).await,
            }
        }
    }

    fn serve(&self, accepted: Accepted, permit: OwnedSemaphorePermit) {
        let gateway = Arc::clone(&self.gateway);
        let limits = self.limits.clone();
        self.tasks.spawn_graceful("connection", async move |token| {
            let _permit = permit;
            match accepted.open(limits.head).await {
                Ok((io, peer)) => serve_connection(gateway, io, peer, &limits, token).await,
                Err(error) => tracing::debug!(%error, "a handshake broke off"),
            }
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

/// A connection that was accepted: its handshake is left to its own task, so that a slow one holds up nobody.
enum Accepted {
    Plain(Box<dyn Io>, Peer),
    Tls(TcpStream, SocketAddr, TlsAcceptor),
}

impl Accepted {
    async fn open(self, patience: Duration) -> io::Result<(Box<dyn Io>, Peer)> {
        match self {
            Self::Plain(io, peer) => Ok((io, peer)),
            Self::Tls(stream, address, acceptor) => {
                let stream = timeout(patience, acceptor.accept(stream)).await??;
                Ok((Box::new(stream), Peer::Tls(address)))
            }
        }
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Plain(Box::new(stream), Peer::Tcp(address)))
            }
            Self::Tls(listener, config) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tls(stream, address, config.load_full().into()))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let uid = stream.peer_cred()?.uid();
                Ok(Accepted::Plain(Box::new(stream), Peer::Unix { uid }))
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
