//! A host and an internet for tests, each a network namespace: no test touches the machine's own network, and
//! none sends anything beyond it.
//!
//! ```text
//!  host 203.0.113.0 ── wan ──── isp ── 203.0.113.1 internet
//! ```

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::socket::{Shutdown, shutdown};

use crate::link::{RouteSocket, VethPair};
use crate::loopback::loopback_up;
use crate::namespace::Netns;

pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 0);
pub(crate) const INTERNET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// Long for a link without a cable, short for a person: what is let through answers in a millisecond.
const REFUSED_AFTER: Duration = Duration::from_millis(400);

pub(crate) struct World {
    pub(crate) host: Netns,
    pub(crate) internet: Netns,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self {
            host: namespace(),
            internet: namespace(),
        };
        join(&world.host, ("wan", HOST), &world.internet, ("isp", INTERNET));
        RouteSocket::open_in(&world.host)
            .unwrap()
            .default_route(INTERNET)
            .unwrap();
        world
    }
}

/// Makes a namespace whose loopback is up.
pub(crate) fn namespace() -> Netns {
    let namespace = Netns::create().expect("these tests make network namespaces: run them as root");
    loopback_up(&namespace).unwrap();
    namespace
}

/// Links two namespaces; the addresses are a pair.
pub(crate) fn join(near: &Netns, near_end: (&str, Ipv4Addr), far: &Netns, far_end: (&str, Ipv4Addr)) {
    let mut socket = RouteSocket::open_in(near).unwrap();
    let pair = VethPair {
        name: near_end.0,
        peer_name: far_end.0,
        peer_in: far,
        mtu: 1400,
    };
    assert!(socket.create(&pair).unwrap(), "{pair:?} exists");
    socket.address(near_end.0, near_end.1).unwrap();
    RouteSocket::open_in(far)
        .unwrap()
        .address(far_end.0, far_end.1)
        .unwrap();
    socket.settle(near_end.0).unwrap();
}

/// Says who a server at `address` sees when somebody in `namespace` connects; an error if it cannot be reached.
pub(crate) fn seen_by(address: SocketAddr, namespace: &Netns) -> io::Result<IpAddr> {
    let mut stream = namespace
        .run(|| TcpStream::connect_timeout(&address, REFUSED_AFTER))
        .unwrap()?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    text.parse().map_err(io::Error::other)
}

/// A server that tells each client its address.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on all addresses of `namespace`; `address` is the one that tests use.
    pub(crate) fn start(namespace: &Netns, address: Ipv4Addr, port: u16) -> Self {
        let listener = namespace
            .run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
            .unwrap()
            .unwrap();
        let accepting = listener.try_clone().unwrap();
        let thread = thread::spawn(move || {
            while let Ok((mut stream, _)) = accepting.accept() {
                let peer = stream.peer_addr().unwrap().ip().to_string();
                let _ = stream.write_all(peer.as_bytes());
            }
        });
        Self {
            address: (address, port).into(),
            listener,
            thread: Some(thread),
        }
    }

    /// Answers the same server under another address.
    pub(crate) fn at(&self, address: Ipv4Addr) -> SocketAddr {
        SocketAddr::from((address, self.address.port()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ends `accept` with an error.
        let _ = shutdown(self.listener.as_raw_fd(), Shutdown::Both);
        let _ = self.thread.take().unwrap().join();
    }
}

/// Runs a program inside `namespace` and answers what it prints.
pub(crate) fn program(namespace: &Netns, command: &str) -> String {
    let mut words = command.split_ascii_whitespace();
    let name = words.next().unwrap();
    let output = namespace.run(|| Command::new(name).args(words).output()).unwrap();
    let output = output.unwrap_or_else(|error| {
        panic!("`{name}` cannot be run ({error}): `apt-get install nftables iptables`, and run as root")
    });
    assert!(
        output.status.success(),
        "`{command}`: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
