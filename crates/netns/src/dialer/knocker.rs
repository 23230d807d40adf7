//! Connecting to a server that is starting: trying again at the cost of two system calls.
//!
//! The kernel tells nobody when a socket begins to listen: socket diagnostics report ends only, a filter of system
//! calls could stop the program at `listen` but would then have to be answered for all its life. So it is tried. A
//! socket whose connection was refused can connect again (Linux), and on the loopback the refusal is there when the call
//! returns; so two sockets, made once by the thread that enters namespaces, are all that it takes.

use std::io;
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{SockType, SockaddrStorage, connect};
use tokio::net::TcpStream;

use super::{DialError, Dialer, LOOPBACKS};
use crate::namespace::Netns;

/// The sockets with which one port is tried.
pub(super) struct Knocker {
    port: u16,
    sockets: Vec<(SockaddrStorage, OwnedFd)>,
}

impl Knocker {
    /// Makes the sockets; without one for IPv6 where the kernel has none.
    pub(super) async fn new(dialer: &Dialer, namespace: &Netns, port: u16) -> Result<Self, DialError> {
        let mut sockets = Vec::with_capacity(LOOPBACKS.len());
        for address in LOOPBACKS {
            let address = SocketAddr::new(address, port);
            match dialer.socket(namespace, address, SockType::Stream).await {
                Ok(socket) => sockets.push((address.into(), socket)),
                Err(DialError::Connect { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { port, sockets })
    }

    /// Answers a connection if somebody listens now.
    pub(super) async fn knock(&mut self) -> Result<Option<TcpStream>, DialError> {
        for at in 0..self.sockets.len() {
            let (address, socket) = &self.sockets[at];
            match try_once(socket, address) {
                Ok(()) | Err(Errno::EALREADY) => {
                    let (_, socket) = self.sockets.swap_remove(at);
                    return connected(socket)
                        .await
                        .map(Some)
                        .map_err(|source| self.failed(source));
                }
                Err(Errno::ECONNREFUSED | Errno::EADDRNOTAVAIL | Errno::ENETUNREACH) => {}
                Err(errno) => return Err(self.failed(errno.into())),
            }
        }
        Ok(None)
    }

    fn failed(&self, source: io::Error) -> DialError {
        DialError::Connect {
            port: self.port,
            source,
        }
    }
}

/// Begins to connect and asks what came of it: the answer waits until the first call lets go of the socket. Fails with
/// `EALREADY` when there is none yet.
fn try_once(socket: &OwnedFd, address: &SockaddrStorage) -> Result<(), Errno> {
    match connect(socket.as_raw_fd(), address) {
        Err(Errno::EINPROGRESS) => connect(socket.as_raw_fd(), address),
        outcome => outcome,
    }
}

/// Waits for the end of a connection's making: a server whose queue is full lets it wait.
async fn connected(socket: OwnedFd) -> io::Result<TcpStream> {
    let stream = TcpStream::from_std(StdTcpStream::from(socket))?;
    stream.writable().await?;
    match stream.take_error()? {
        Some(error) => Err(error),
        None => stream.set_nodelay(true).map(|()| stream),
    }
}
