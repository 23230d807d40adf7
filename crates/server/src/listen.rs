//! Taking ports and sockets, with errors that say what to do.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use coracle_spec::{Class, Failure};
use fs_err as fs;
use tokio::net::{TcpListener, UnixListener};

/// How many ports after the preferred one are tried.
const PORTS_TRIED: u16 = 100;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error("port {} is taken by another program", .0.port())]
    Taken(SocketAddr),
    /// Somebody else listens where TLS is to be spoken.
    #[error("port {} is taken by another program", .0.port())]
    TakenForTls(SocketAddr),
    /// Something else is wrong with it.
    #[error("cannot listen on `{address}`")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The socket that somebody else holds is not usable.
    #[error("cannot listen on the socket that was passed on")]
    Inherited(#[source] std::io::Error),
    /// The socket cannot be made.
    #[error("cannot listen on `{path}`")]
    Unix {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Failure for ListenError {
    fn class(&self) -> Class {
        match self {
            Self::Taken(_) | Self::TakenForTls(_) => Class::Conflict,
            Self::Tcp { .. } | Self::Inherited(_) | Self::Unix { .. } => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Taken(address) => Some(another("--listen", *address)),
            Self::TakenForTls(address) => Some(another("--tls-listen", *address)),
            Self::Tcp { .. } | Self::Inherited(_) | Self::Unix { .. } => None,
        }
    }
}

fn another(flag: &str, taken: SocketAddr) -> String {
    let next = SocketAddr::new(taken.ip(), taken.port().saturating_add(1));
    format!("choose another address with `{flag}`, such as `{flag} {next}`")
}

/// Listens on `address`, to speak TLS there.
pub(crate) async fn tls(address: SocketAddr) -> Result<TcpListener, ListenError> {
    tcp(address).await.map_err(|error| match error {
        ListenError::Taken(address) => ListenError::TakenForTls(address),
        error => error,
    })
}

/// Listens on `address`.
pub(crate) async fn tcp(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => ListenError::Taken(address),
            _ => ListenError::Tcp { address, source },
        })
}

/// Takes part in a socket that somebody else holds.
pub(crate) fn inherited(socket: &std::net::TcpListener) -> Result<TcpListener, ListenError> {
    let own = socket.try_clone().map_err(ListenError::Inherited)?;
    TcpListener::from_std(own).map_err(ListenError::Inherited)
}

/// Listens on `address`, or on the next free port when that one is taken.
pub(crate) async fn tcp_or_next(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let mut refused = tcp(address).await;
    for step in 1..=PORTS_TRIED {
        match (&refused, address.port().checked_add(step)) {
            (Err(ListenError::Taken(_)), Some(port)) => {
                refused = tcp(SocketAddr::new(address.ip(), port)).await;
            }
            _ => break,
        }
    }
    refused
}

/// Listens on a socket for this user and the super-user, in place of one that a killed server left.
pub(crate) fn unix(path: &Path) -> Result<UnixListener, ListenError> {
    let failed = |source| ListenError::Unix {
        path: path.to_owned(),
        source,
    };
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// Answers how somebody on this machine reaches a listener.
pub(crate) fn local_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_told_and_the_next_one_can_be_had() {
        let first = tcp(([127, 0, 0, 1], 0).into()).await.unwrap();
        let taken = first.local_addr().unwrap();
        assert!(matches!(tcp(taken).await, Err(ListenError::Taken(address)) if address == taken));
        let next = tcp_or_next(taken).await.unwrap().local_addr().unwrap();
        assert!(next.port() > taken.port(), "{next}");
        let hint = tls(taken).await.unwrap_err().hint().unwrap();
        assert!(hint.contains("--tls-listen 127.0.0.1:"), "{hint}");
    }

    #[tokio::test]
    async fn a_socket_that_a_killed_server_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(unix(&path).unwrap());
        unix(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_address_of_all_interfaces_is_reached_over_loopback() {
        for (address, url) in [
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("192.0.2.1:8080", "http://192.0.2.1:8080"),
        ] {
            assert_eq!(local_url(address.parse().unwrap()), url);
        }
    }
}
