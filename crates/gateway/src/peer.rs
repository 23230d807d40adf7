//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};

/// Who is at the other end of a connection. Requests to the platform's own service carry it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP connection from this address.
    Tcp(SocketAddr),
    /// A TCP connection from this address, secured by TLS.
    Tls(SocketAddr),
    /// A connection over the platform's own socket, from a process of this user.
    Unix {
        /// The user id, as the kernel reports it.
        uid: u32,
    },
    /// The platform itself.
    Inside,
}

impl Peer {
    /// Answers the address, if there is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) | Self::Tls(address) => Some(address.ip().to_canonical()),
            Self::Unix { .. } | Self::Inside => None,
        }
    }

    /// Answers how the other end names the scheme of what it asks for.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Tls(_) => "https",
            Self::Tcp(_) | Self::Unix { .. } | Self::Inside => "http",
        }
    }

    /// Answers whether the other end is on this machine.
    pub fn is_local(&self) -> bool {
        self.address().is_none_or(|address| address.is_loopback())
    }
}
