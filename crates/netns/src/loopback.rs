//! The loopback of a namespace.

use crate::link::RouteSocket;
use crate::namespace::Netns;
use crate::netlink::NetlinkError;

/// Brings the loopback of `namespace` up, which gives it `127.0.0.1` and `::1`.
///
/// A namespace is born with the loopback down: a server can bind there, and nobody can connect to it.
/// Doing it again changes nothing.
pub fn loopback_up(namespace: &Netns) -> Result<(), NetlinkError> {
    let mut socket = RouteSocket::open_in(namespace)?;
    socket.up("lo")
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_server_in_a_new_namespace_can_be_reached_only_after_the_loopback_is_up() {
        let namespace = Netns::create().expect("needs root");
        let listener = namespace
            .run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))
            .unwrap()
            .unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port()));
        assert!(namespace.run(|| TcpStream::connect(address)).unwrap().is_err());
        loopback_up(&namespace).unwrap();
        loopback_up(&namespace).unwrap();
        assert!(namespace.run(|| TcpStream::connect(address)).unwrap().is_ok());
        assert!(
            namespace
                .run(|| TcpListener::bind((Ipv6Addr::LOCALHOST, 0)))
                .unwrap()
                .is_ok()
        );
    }
}
