//! Connections to a BuildKit, before anything is said on them.

mod tls;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use coracle_spec::{Class, Failure};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::address::{Address, Endpoint, Server};
use crate::place::Place;

/// How long a connection, and what is said before the first call, may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// After how much silence the kernel asks whether the other machine is still there.
const SILENCE: Duration = Duration::from_secs(30);

/// A connection of any kind.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection of any kind.
pub(crate) type Stream = Box<dyn Duplex>;

/// Why a BuildKit cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Nobody answers there.
    #[error("cannot connect to BuildKit at `{address}`")]
    Connect {
        /// Where.
        address: Address,
        /// What the kernel, or the other end of TLS, says.
        source: io::Error,
    },
    /// Nobody answers in time.
    #[error("BuildKit at `{address}` does not answer within {} s", CONNECT.as_secs())]
    Silent {
        /// Where.
        address: Address,
    },
    /// A file for TLS cannot be used.
    #[error("cannot use `{}` for TLS with BuildKit: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A Docker Engine does not lead to its BuildKit.
    #[error("the Docker Engine at `{address}` answers {answer} to `POST {path}`")]
    Upgrade {
        /// Where.
        address: Address,
        /// What was asked for.
        path: &'static str,
        /// The status, or what went wrong instead.
        answer: String,
    },
}

impl Failure for DialError {
    fn class(&self) -> Class {
        match self {
            Self::Connect { .. } | Self::Silent { .. } | Self::Upgrade { .. } => Class::Unavailable,
            Self::Certificate { .. } => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Connect { address, source } => Some(hint(address, source)),
            Self::Silent { .. } => Some("look whether the address is right and lets you through".to_owned()),
            Self::Certificate { .. } => None,
            Self::Upgrade { .. } => Some("Docker Engines have a BuildKit from version 18.09 on".to_owned()),
        }
    }
}

fn hint(address: &Address, source: &io::Error) -> String {
    let start = match address.server {
        Server::BuildKit => "start `buildkitd`",
        Server::Docker => "start Docker",
    };
    match source.kind() {
        io::ErrorKind::PermissionDenied => "you may not use its socket: ask for the group that it belongs to".to_owned(),
        io::ErrorKind::InvalidData => {
            "give the certificates that its owner gave you: `--buildkit-ca`, `--buildkit-cert`, `--buildkit-key`".to_owned()
        }
        _ => format!("{start}, or say where one is with `--buildkit ADDR`; `--engine native` needs none"),
    }
}

/// Connects.
pub(crate) async fn dial(place: &Place) -> Result<Stream, DialError> {
    let address = || place.address.clone();
    match timeout(CONNECT, connect(place)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(Trouble::Certificate(path, reason))) => Err(DialError::Certificate { path, reason }),
        Ok(Err(Trouble::Io(source))) => Err(DialError::Connect {
            address: address(),
            source,
        }),
        Err(_) => Err(DialError::Silent { address: address() }),
    }
}

/// What goes wrong on the way.
enum Trouble {
    Io(io::Error),
    Certificate(PathBuf, String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

async fn connect(place: &Place) -> Result<Stream, Trouble> {
    let (host, port) = match &place.address.endpoint {
        Endpoint::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
        Endpoint::Tcp { host, port } => (host, *port),
    };
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    match &place.certificates {
        None => Ok(Box::new(stream)),
        Some(certificates) => tls::wrap(stream, host, certificates).await,
    }
}

/// Lets the kernel find out when the other machine is gone. HTTP/2's own pings lost: BuildKit's server ends
/// connections that ping more often than every five minutes.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, SILENCE)?;
    sockopt::set_tcp_keepintvl(stream, SILENCE / 6)?;
    sockopt::set_tcp_keepcnt(stream, 6)?;
    Ok(())
}
