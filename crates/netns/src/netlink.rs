//! Netlink (RFC 3549, netlink(7)) spoken directly: messages out, acknowledgements and dumps in.
//!
//! The crates for this are either built around tokio, which the keeper does not have, or copyleft; and rules
//! for the firewall need an encoder of their own in any case. What links and addresses need on top is small.

pub(crate) mod attributes;
pub(crate) mod message;
pub(crate) mod socket;

pub use socket::NetlinkError;

pub(crate) use attributes::{Attributes, attribute, attributes};
pub(crate) use message::Message;
pub(crate) use socket::{Netlink, Reply};
