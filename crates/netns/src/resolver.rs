//! Names for an instance: DNS (RFC 1035) on `127.0.0.53` inside its namespace, answered by the host.
//!
//! An instance cannot use the host's resolvers itself: they are on the host's loopback often enough, and the rules
//! let nothing through to the host. So its questions come to sockets inside its namespace and are asked again from
//! the host's. Names that the platform gives to functions are answered here; nothing is cached, since the
//! resolvers behind do that.
//!
//! ```text
//! instance ── 127.0.0.53 ── Resolver ── Names: NAME.internal, gateway.openfaas, …
//!                                    └─ HostResolver ── the servers in the host's resolv.conf
//! ```

mod host;
mod message;
mod resolv_conf;
#[cfg(test)]
mod tests;
mod upstream;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::acceptor::serve_connections;
use crate::dialer::{DialError, Dialer};
use crate::namespace::Netns;
use message::Query;

pub use host::HostResolver;

/// Where the resolver listens in each namespace: where systemd's does on a host, which programs know.
pub const RESOLVER_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), 53);

/// How long to leave a socket alone that fails.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// The largest question over UDP; questions are far smaller.
const LARGEST_QUESTION: usize = 4096;

/// The names that the platform itself gives.
pub trait Names: Send + Sync + 'static {
    /// Answers the addresses of `name`, which is in lower case and without a dot at its end.
    ///
    /// `None` is for names of others, which the host's resolvers are asked about; no addresses says that there is
    /// such a name and that it has none.
    fn addresses(&self, name: &str) -> Option<Vec<IpAddr>>;
}

/// No names: everything is asked of the host's resolvers.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNames;

impl Names for NoNames {
    fn addresses(&self, _name: &str) -> Option<Vec<IpAddr>> {
        None
    }
}

/// Bounds of a resolver.
#[derive(Debug, Clone, Copy)]
pub struct ResolverLimits {
    /// How many questions over UDP an instance may have open; more are dropped, and asked again by the instance.
    pub questions: usize,
    /// How many TCP connections it may have open; others wait.
    pub connections: usize,
    /// How long one server of the host may take.
    pub attempt: Duration,
    /// How long an answer may take in all: less than a program waits before it asks again (5 s, resolv.conf(5)).
    pub total: Duration,
    /// How long a TCP connection may stay without a question (RFC 7766 §6.2.3).
    pub idle: Duration,
}

impl Default for ResolverLimits {
    fn default() -> Self {
        Self {
            questions: 64,
            connections: 16,
            attempt: Duration::from_secs(2),
            total: Duration::from_millis(4500),
            idle: Duration::from_secs(10),
        }
    }
}

/// The sockets inside one namespace, and who answers.
pub struct Resolver {
    udp: UdpSocket,
    tcp: TcpListener,
    answerer: Answerer,
}

struct Answerer {
    host: HostResolver,
    names: Arc<dyn Names>,
}

impl Resolver {
    /// Binds [`RESOLVER_ADDRESS`] in `namespace`, whose loopback is up.
    pub async fn bind(
        dialer: &Dialer,
        namespace: &Netns,
        host: HostResolver,
        names: Arc<dyn Names>,
    ) -> Result<Self, DialError> {
        let udp = dialer.bind_udp(namespace, RESOLVER_ADDRESS).await?;
        let tcp = dialer.listen(namespace, RESOLVER_ADDRESS).await?;
        Ok(Self {
            udp,
            tcp,
            answerer: Answerer { host, names },
        })
    }

    /// Answers until `cancel` is cancelled. What is no question gets no answer.
    pub async fn serve(self, cancel: CancellationToken) {
        let Self { udp, tcp, answerer } = self;
        let limits = answerer.host.limits();
        let over_tcp = serve_connections(&tcp, limits.connections, |stream| answerer.connection(stream));
        let both = async { tokio::join!(answerer.datagrams(&udp, limits.questions), over_tcp) };
        let _ = cancel.run_until_cancelled(both).await;
    }
}

impl Answerer {
    async fn datagrams(&self, socket: &UdpSocket, limit: usize) {
        let mut open = FuturesUnordered::new();
        let mut buffer = vec![0; LARGEST_QUESTION];
        loop {
            tokio::select! {
                (length, from) = receive(socket, &mut buffer) => {
                    if open.len() < limit && let Some(query) = Query::parse(&buffer[..length]) {
                        open.push(self.datagram(socket, query, from));
                    }
                }
                Some(()) = open.next(), if !open.is_empty() => {}
            }
        }
    }

    async fn datagram(&self, socket: &UdpSocket, query: Query, from: SocketAddr) {
        let answer = match self.local(&query) {
            Some(answer) => answer,
            None => self.host.ask_udp(&query).await,
        };
        let _ = socket.send_to(&answer, from).await;
    }

    async fn connection(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let idle = self.host.limits().idle;
        while let Ok(Some(query)) = timeout(idle, read_query(&mut stream)).await {
            let answer = match self.local(&query) {
                Some(answer) => answer,
                None => self.host.ask_tcp(&query).await,
            };
            if !matches!(
                timeout(idle, write_answer(&mut stream, &answer)).await,
                Ok(Some(()))
            ) {
                return;
            }
        }
    }

    fn local(&self, query: &Query) -> Option<Vec<u8>> {
        self.names
            .addresses(query.name())
            .map(|addresses| query.answer(&addresses))
    }
}

async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> (usize, SocketAddr) {
    loop {
        match socket.recv_from(buffer).await {
            Ok(received) => return received,
            Err(error) => {
                tracing::debug!(%error, "cannot receive a question");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// Over TCP a message follows its length in two bytes (RFC 1035 §4.2.2).
async fn read_query(stream: &mut TcpStream) -> Option<Query> {
    let mut bytes = vec![0; usize::from(stream.read_u16().await.ok()?)];
    stream.read_exact(&mut bytes).await.ok()?;
    Query::parse(&bytes)
}

async fn write_answer(stream: &mut TcpStream, answer: &[u8]) -> Option<()> {
    stream.write_all(&message::framed(answer)?).await.ok()
}
