//! Links, addresses and routes: what is needed of rtnetlink (rtnetlink(7)).

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::SockProtocol;

use crate::namespace::Netns;
use crate::netlink::{Attributes, Message, Netlink, NetlinkError, Reply, attribute, attributes};
use crate::range::{Ipv4Range, PAIR_PREFIX};

/// `VETH_INFO_PEER` of `linux/veth.h`.
const VETH_INFO_PEER: u16 = 1;
const UP: u32 = libc::IFF_UP as u32;
/// `AF_INET`, which the headers have in one byte.
const IPV4: u8 = 2;
const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;

/// A pair of virtual links to make: one end here, one in another namespace.
#[derive(Debug)]
pub(crate) struct VethPair<'a> {
    pub(crate) name: &'a str,
    pub(crate) peer_name: &'a str,
    pub(crate) peer_in: &'a Netns,
    pub(crate) mtu: u32,
}

/// A link that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) mtu: u32,
}

/// An IPv4 route that exists, in any table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) destination: Ipv4Range,
    pub(crate) link: Option<u32>,
}

/// An rtnetlink socket.
#[derive(Debug)]
pub(crate) struct RouteSocket(Netlink);

impl RouteSocket {
    /// Opens one in the namespace of the calling thread.
    pub(crate) fn open() -> Result<Self, NetlinkError> {
        Netlink::open(SockProtocol::NetlinkRoute).map(Self)
    }

    /// Opens one in `namespace`.
    pub(crate) fn open_in(namespace: &Netns) -> Result<Self, NetlinkError> {
        Netlink::open_in(namespace, SockProtocol::NetlinkRoute).map(Self)
    }

    /// Makes a pair. Answers `false` if a link of that name exists: names are how several processes share out
    /// numbers, and the kernel is the judge.
    pub(crate) fn create(&mut self, pair: &VethPair<'_>) -> Result<bool, NetlinkError> {
        match self.0.execute(&[new_pair(pair)]) {
            Ok(()) => Ok(true),
            Err(error) if error.errno() == Some(Errno::EEXIST) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the link `name`, and its peer with it. None of that name is fine. Takes 20 ms.
    pub(crate) fn delete(&mut self, name: &str) -> Result<(), NetlinkError> {
        let message = Message::new(
            format!("delete the link `{name}`"),
            libc::RTM_DELLINK,
            &link_header(0, 0, 0),
        )
        .with(&Attributes::default().text(libc::IFLA_IFNAME, name));
        match self.0.execute(&[message]) {
            Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(()),
            other => other,
        }
    }

    /// Brings the link `name` up.
    pub(crate) fn up(&mut self, name: &str) -> Result<(), NetlinkError> {
        self.0.execute(&[bring_up(name)])
    }

    /// Gives the link `name` an address of a pair and brings it up.
    pub(crate) fn address(&mut self, name: &str, address: Ipv4Addr) -> Result<(), NetlinkError> {
        let index = self.link(name)?.map_or(0, |link| link.index);
        self.0
            .execute(&[add_address(name, index, address), bring_up(name)])
    }

    /// Sends everything that has no other route to `gateway`.
    pub(crate) fn default_route(&mut self, gateway: Ipv4Addr) -> Result<(), NetlinkError> {
        let header = [
            IPV4,
            0,
            0,
            0,
            libc::RT_TABLE_MAIN,
            libc::RTPROT_STATIC,
            0,
            libc::RTN_UNICAST,
        ];
        let message = Message::new(
            "add the default route",
            libc::RTM_NEWROUTE,
            &[&header[..], &[0; 4]].concat(),
        )
        .flags(CREATE)
        .with(&Attributes::default().bytes(libc::RTA_GATEWAY, &gateway.octets()));
        self.0.execute(&[message])
    }

    /// Sees to it that the link `name` sends what it is given, now that its peer is up as well.
    ///
    /// Of a pair the end that came up first stays silent until the kernel's link watch has run, and a packet lost
    /// then costs a second. A question about the link has the kernel run it at once (Linux 6.8).
    pub(crate) fn settle(&mut self, name: &str) -> Result<(), NetlinkError> {
        self.link(name).map(drop)
    }

    /// Answers the link `name`.
    pub(crate) fn link(&mut self, name: &str) -> Result<Option<Link>, NetlinkError> {
        let message = Message::new(
            format!("find the link `{name}`"),
            libc::RTM_GETLINK,
            &link_header(0, 0, 0),
        )
        .with(&Attributes::default().text(libc::IFLA_IFNAME, name));
        Ok(self.0.get(&message)?.as_ref().and_then(parse_link))
    }

    /// Answers all links.
    pub(crate) fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        let message = Message::new("list the links", libc::RTM_GETLINK, &link_header(0, 0, 0));
        Ok(self.0.dump(&message)?.iter().filter_map(parse_link).collect())
    }

    /// Answers all IPv4 routes of all tables.
    pub(crate) fn routes(&mut self) -> Result<Vec<Route>, NetlinkError> {
        let mut header = [0; 12];
        header[0] = IPV4;
        let message = Message::new("list the routes", libc::RTM_GETROUTE, &header);
        Ok(self.0.dump(&message)?.iter().filter_map(parse_route).collect())
    }
}

fn new_pair(pair: &VethPair<'_>) -> Message {
    let peer_fd = pair.peer_in.as_fd().as_raw_fd().cast_unsigned();
    let peer = Attributes::default()
        .text(libc::IFLA_IFNAME, pair.peer_name)
        .u32(libc::IFLA_MTU, pair.mtu)
        .u32(libc::IFLA_NET_NS_FD, peer_fd);
    // The peer's attribute starts with a link header of its own.
    let peer = [&link_header(0, 0, 0)[..], peer.as_bytes()].concat();
    let info = Attributes::default().bytes(libc::IFLA_INFO_KIND, b"veth").nest(
        libc::IFLA_INFO_DATA,
        &Attributes::default().bytes(VETH_INFO_PEER, &peer),
    );
    Message::new(
        format!("create the link `{}`", pair.name),
        libc::RTM_NEWLINK,
        &link_header(0, 0, 0),
    )
    .flags(CREATE)
    .with(
        &Attributes::default()
            .text(libc::IFLA_IFNAME, pair.name)
            .u32(libc::IFLA_MTU, pair.mtu)
            .nest(libc::IFLA_LINKINFO, &info),
    )
}

fn bring_up(name: &str) -> Message {
    Message::new(
        format!("bring the link `{name}` up"),
        libc::RTM_NEWLINK,
        &link_header(0, UP, UP),
    )
    .with(&Attributes::default().text(libc::IFLA_IFNAME, name))
}

fn add_address(name: &str, link: u32, address: Ipv4Addr) -> Message {
    let mut header = [IPV4, PAIR_PREFIX, 0, 0, 0, 0, 0, 0];
    header[4..].copy_from_slice(&link.to_ne_bytes());
    Message::new(
        format!("give the link `{name}` the address `{address}`"),
        libc::RTM_NEWADDR,
        &header,
    )
    .flags(CREATE)
    .with(
        &Attributes::default()
            .bytes(libc::IFA_LOCAL, &address.octets())
            .bytes(libc::IFA_ADDRESS, &address.octets()),
    )
}

/// `struct ifinfomsg`: family, type, index, flags, which flags to change.
fn link_header(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..].copy_from_slice(&change.to_ne_bytes());
    header
}

fn parse_link(reply: &Reply) -> Option<Link> {
    let (header, rest) = reply.payload.split_at_checked(16)?;
    let name = attribute(rest, libc::IFLA_IFNAME)?;
    Some(Link {
        index: number(&header[4..])?,
        name: String::from_utf8_lossy(name.strip_suffix(&[0]).unwrap_or(name)).into_owned(),
        mtu: attribute(rest, libc::IFLA_MTU).and_then(number)?,
    })
}

fn parse_route(reply: &Reply) -> Option<Route> {
    let (header, rest) = reply.payload.split_at_checked(12)?;
    let mut route = Route {
        destination: Ipv4Range::new(Ipv4Addr::UNSPECIFIED, header[1].min(32)),
        link: None,
    };
    for (kind, value) in attributes(rest) {
        match (kind, <[u8; 4]>::try_from(value)) {
            (libc::RTA_DST, Ok(octets)) => {
                route.destination = Ipv4Range::new(octets.into(), header[1].min(32));
            }
            (libc::RTA_OIF, Ok(bytes)) => route.link = Some(u32::from_ne_bytes(bytes)),
            _ => {}
        }
    }
    Some(route)
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}
