//! Network namespaces: dialing into them, links, forwarding rules and names.
//!
//! Each instance has a network namespace of its own. Two things cross its border, and both are here:
//!
//! - **inwards** the gateway's connections, through sockets that a [`Dialer`] makes inside, so that no bridge,
//!   address or port mapping is needed;
//! - **outwards** what the instance sends, if it may send at all: [`Egress`] links it to a router namespace that
//!   translates addresses and refuses what an instance must not reach; [`Resolver`] answers its questions about
//!   names, and [`Forwarder`] hands it a service of the host's loopback, such as an HTTP proxy.
//!
//! The keeper uses what is synchronous. The dialer, the resolver and the forwarder need tokio and the feature
//! `async`.

mod egress;
mod link;
mod listening;
mod loopback;
mod namespace;
mod netlink;
mod nft;
mod range;

#[cfg(feature = "async")]
mod acceptor;
#[cfg(feature = "async")]
mod dialer;
#[cfg(feature = "async")]
mod forwarder;
#[cfg(feature = "async")]
mod pause;
#[cfg(feature = "async")]
mod resolver;

#[cfg(test)]
mod world;

pub use egress::{Attachment, Egress, EgressConfig, EgressError, Warning};
pub use listening::{ListeningSocket, listening_of_process, listening_sockets};
pub use loopback::loopback_up;
pub use namespace::{Netns, NetnsError};
pub use netlink::NetlinkError;
pub use range::{InvalidRange, Ipv4Range};

#[cfg(feature = "async")]
pub use dialer::{DialError, Dialer};
#[cfg(feature = "async")]
pub use forwarder::{Forwarder, ForwarderLimits};
#[cfg(feature = "async")]
pub use resolver::{HostResolver, Names, NoNames, RESOLVER_ADDRESS, Resolver, ResolverLimits};
