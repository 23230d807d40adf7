//! Sockets made inside namespaces, for connections that tokio drives.
//!
//! A socket stays in the namespace where `socket()` was called; `bind`, `listen` and `connect` may be called from
//! anywhere. So one thread goes in, makes the socket and comes back (12 µs), and everything that may wait happens
//! on tokio. tokio's own threads never change their namespace: one that failed to return, or that was moved while
//! it held other tasks, would be hard to notice.

mod knocker;

use std::fmt;
use std::io;
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream as StdTcpStream, UdpSocket as StdUdpSocket,
};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use coracle_spec::{Class, Failure};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, socket};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use self::knocker::Knocker;
use crate::namespace::{Netns, NetnsError};
use crate::pause::Pause;

/// How many requests wait for the thread at most; it serves 80,000 a second.
const QUEUE: usize = 1024;
const BACKLOG: u32 = 128;
const LOOPBACKS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
/// The shortest and the longest pause between two attempts to reach a server that is starting.
const PAUSES: (Duration, Duration) = (Duration::from_micros(250), Duration::from_millis(50));
/// The share of the time so far that is paused before the next attempt.
const SHARE: u32 = 200;

/// Makes sockets inside namespaces. Cheap to clone; the thread ends with the last clone.
#[derive(Clone)]
pub struct Dialer {
    requests: SyncSender<Request>,
}

/// Why there is no connection or socket.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The thread cannot be started.
    #[error("cannot start the thread that enters namespaces")]
    Thread(#[source] io::Error),
    /// The thread has more requests waiting than it takes.
    #[error("too many sockets are being opened at once")]
    Busy,
    /// The namespace cannot be entered.
    #[error("cannot open a socket in the instance's network")]
    Namespace(#[from] NetnsError),
    /// The kernel gives no socket.
    #[error("cannot open a socket in the instance's network")]
    Socket(#[source] Errno),
    /// The kernel gives no timer.
    #[error("cannot wait for the instance to listen")]
    Timer(#[source] io::Error),
    /// The address is in use, or not there.
    #[error("cannot listen on `{address}` in the instance's network")]
    Listen {
        /// The address inside.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody listens on the port.
    #[error("nothing listens on port {port} in the instance")]
    Refused {
        /// The port.
        port: u16,
    },
    /// The server did not take the connection in time.
    #[error("the connection to port {port} of the instance was not accepted in time")]
    TimedOut {
        /// The port.
        port: u16,
    },
    /// Anything else.
    #[error("cannot connect to port {port} of the instance")]
    Connect {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}

impl Failure for DialError {
    fn class(&self) -> Class {
        match self {
            Self::Busy | Self::Socket(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS) => Class::Busy,
            Self::Refused { .. } | Self::TimedOut { .. } | Self::Connect { .. } => Class::Unavailable,
            Self::Namespace(error) => error.class(),
            Self::Thread(_) | Self::Socket(_) | Self::Timer(_) | Self::Listen { .. } => Class::Internal,
        }
    }
}

struct Request {
    namespace: Netns,
    family: AddressFamily,
    kind: SockType,
    reply: oneshot::Sender<Result<OwnedFd, DialError>>,
}

impl Dialer {
    /// Starts the thread in the namespace of the calling one.
    pub fn start() -> Result<Self, DialError> {
        let (requests, queue) = sync_channel(QUEUE);
        let home = Netns::current()?;
        thread::Builder::new()
            .name("dialer".to_owned())
            .spawn(move || serve(&queue, &home))
            .map_err(DialError::Thread)?;
        Ok(Self { requests })
    }

    /// Connects to `port` on the loopback of `namespace`: to `127.0.0.1`, and where nobody listens there to `::1`.
    pub async fn connect(
        &self,
        namespace: &Netns,
        port: u16,
        deadline: Instant,
    ) -> Result<TcpStream, DialError> {
        let attempt = async {
            for address in LOOPBACKS {
                match self.attempt(namespace, SocketAddr::new(address, port)).await {
                    Err(DialError::Connect { source, .. }) if is_nobody_there(&source) => {}
                    other => return other,
                }
            }
            Err(DialError::Refused { port })
        };
        timeout_at(deadline, attempt)
            .await
            .unwrap_or(Err(DialError::TimedOut { port }))
    }

    /// Connects as [`connect`](Self::connect) does as soon as somebody listens.
    ///
    /// Tries again after pauses that grow with the time that it has taken already, so that whoever waits for the
    /// server waits a two-hundredth longer at most. Answers `Refused` if nobody listens at the deadline. A caller that
    /// knows of the instance's end stops waiting by dropping the future.
    pub async fn connect_once_listening(
        &self,
        namespace: &Netns,
        port: u16,
        deadline: Instant,
    ) -> Result<TcpStream, DialError> {
        let knocking = async {
            let mut knocker = Knocker::new(self, namespace, port).await?;
            let mut pause = Pause::new().map_err(DialError::Timer)?;
            let began = Instant::now();
            loop {
                if let Some(stream) = knocker.knock().await? {
                    return Ok(stream);
                }
                let share = (began.elapsed() / SHARE).clamp(PAUSES.0, PAUSES.1);
                pause.wait(share).await.map_err(DialError::Timer)?;
            }
        };
        timeout_at(deadline, knocking)
            .await
            .unwrap_or(Err(DialError::Refused { port }))
    }

    /// Listens on `address` inside `namespace`.
    ///
    /// The namespace lives as long as the listener: drop it when the instance ends.
    pub async fn listen(&self, namespace: &Netns, address: SocketAddr) -> Result<TcpListener, DialError> {
        let socket = self.tcp_socket(namespace, address).await?;
        let listen = || {
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        };
        listen().map_err(|source| DialError::Listen { address, source })
    }

    /// Binds a UDP socket to `address` inside `namespace`, under the same condition as [`listen`](Self::listen).
    pub async fn bind_udp(&self, namespace: &Netns, address: SocketAddr) -> Result<UdpSocket, DialError> {
        let socket = self.socket(namespace, address, SockType::Datagram).await?;
        bind(socket.as_raw_fd(), &SockaddrStorage::from(address))
            .map_err(io::Error::from)
            .and_then(|()| UdpSocket::from_std(StdUdpSocket::from(socket)))
            .map_err(|source| DialError::Listen { address, source })
    }

    async fn attempt(&self, namespace: &Netns, address: SocketAddr) -> Result<TcpStream, DialError> {
        let socket = self.tcp_socket(namespace, address).await?;
        let failed = |source| DialError::Connect {
            port: address.port(),
            source,
        };
        let stream = socket.connect(address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(stream)
    }

    async fn tcp_socket(&self, namespace: &Netns, address: SocketAddr) -> Result<TcpSocket, DialError> {
        let socket = self.socket(namespace, address, SockType::Stream).await?;
        Ok(TcpSocket::from_std_stream(StdTcpStream::from(socket)))
    }

    async fn socket(
        &self,
        namespace: &Netns,
        address: SocketAddr,
        kind: SockType,
    ) -> Result<OwnedFd, DialError> {
        let (reply, answer) = oneshot::channel();
        let family = if address.is_ipv4() {
            AddressFamily::Inet
        } else {
            AddressFamily::Inet6
        };
        let request = Request {
            namespace: namespace.clone(),
            family,
            kind,
            reply,
        };
        self.requests.try_send(request).map_err(|_| DialError::Busy)?;
        answer.await.unwrap_or(Err(DialError::Busy))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

/// Whether another loopback address may still answer. `::1` is missing where the host has no IPv6.
fn is_nobody_there(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionRefused | AddrNotAvailable | NetworkUnreachable
    )
}

fn serve(queue: &Receiver<Request>, home: &Netns) {
    while let Ok(request) = queue.recv() {
        // Whoever asked may have left.
        if !request.reply.is_closed() {
            let made = make(&request, home);
            let _ = request.reply.send(made);
        }
    }
}

fn make(request: &Request, home: &Netns) -> Result<OwnedFd, DialError> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let make = || socket(request.family, request.kind, flags, None).map_err(DialError::Socket);
    match request.namespace.run_from(home, make)? {
        // A kernel without IPv6: the same as nobody on `::1`.
        Err(DialError::Socket(Errno::EAFNOSUPPORT)) => Err(DialError::Connect {
            port: 0,
            source: io::ErrorKind::AddrNotAvailable.into(),
        }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Server, namespace};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[tokio::test]
    async fn a_server_inside_is_reached_and_nobody_outside_is() {
        let (inside, other) = (namespace(), namespace());
        let server = Server::start(&inside, Ipv4Addr::LOCALHOST, 8080);
        let dialer = Dialer::start().unwrap();
        let stream = dialer
            .connect(&inside, server.address.port(), soon())
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), server.address);
        assert!(stream.nodelay().unwrap());
        let refused = dialer.connect(&other, server.address.port(), soon()).await;
        assert!(
            matches!(refused, Err(DialError::Refused { port: 8080 })),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_server_on_the_ipv6_loopback_alone_is_reached() {
        let inside = namespace();
        let dialer = Dialer::start().unwrap();
        let address = SocketAddr::from((Ipv6Addr::LOCALHOST, 3000));
        let _listener = dialer.listen(&inside, address).await.unwrap();
        let stream = dialer.connect(&inside, 3000, soon()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    }

    #[tokio::test]
    async fn a_server_that_takes_no_connections_is_given_up_at_the_deadline() {
        let inside = namespace();
        let dialer = Dialer::start().unwrap();
        let full = dialer
            .tcp_socket(&inside, ([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        full.bind(([127, 0, 0, 1], 7000).into()).unwrap();
        let _listener = full.listen(0).unwrap();
        let _first = dialer.connect(&inside, 7000, soon()).await.unwrap();
        let deadline = Instant::now() + Duration::from_millis(50);
        let second = dialer.connect(&inside, 7000, deadline).await;
        assert!(
            matches!(second, Err(DialError::TimedOut { port: 7000 })),
            "{second:?}"
        );
    }

    #[tokio::test]
    async fn a_server_that_starts_late_is_reached_as_soon_as_it_listens() {
        let inside = namespace();
        let dialer = Dialer::start().unwrap();
        let waiting = dialer.connect_once_listening(&inside, 8080, soon());
        let starting = async {
            assert!(matches!(
                dialer.connect(&inside, 8080, soon()).await,
                Err(DialError::Refused { .. })
            ));
            dialer.listen(&inside, ([0, 0, 0, 0], 8080).into()).await.unwrap()
        };
        let (stream, _listener) = tokio::join!(waiting, starting);
        stream.unwrap();
    }

    #[tokio::test]
    async fn a_socket_that_was_refused_often_connects_in_the_end() {
        for address in LOOPBACKS {
            let inside = namespace();
            let dialer = Dialer::start().unwrap();
            let mut knocker = Knocker::new(&dialer, &inside, 8080).await.unwrap();
            for _ in 0..1000 {
                assert!(knocker.knock().await.unwrap().is_none());
            }
            let address = SocketAddr::new(address, 8080);
            let _listener = dialer.listen(&inside, address).await.unwrap();
            let stream = knocker.knock().await.unwrap().expect("somebody listens");
            assert_eq!(stream.peer_addr().unwrap(), address);
            assert!(stream.nodelay().unwrap());
        }
    }

    #[tokio::test]
    async fn waiting_for_a_server_that_never_listens_ends_with_refused() {
        let inside = namespace();
        let dialer = Dialer::start().unwrap();
        let deadline = Instant::now() + Duration::from_millis(20);
        let error = dialer
            .connect_once_listening(&inside, 8080, deadline)
            .await
            .unwrap_err();
        assert!(matches!(error, DialError::Refused { .. }), "{error:?}");
        assert_eq!(error.class(), Class::Unavailable);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_inside_is_an_error_that_names_it() {
        let inside = namespace();
        let server = Server::start(&inside, Ipv4Addr::LOCALHOST, 8080);
        let dialer = Dialer::start().unwrap();
        let error = dialer.listen(&inside, server.address).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot listen on `127.0.0.1:8080` in the instance's network"
        );
        dialer.bind_udp(&inside, server.address).await.unwrap();
    }
}
