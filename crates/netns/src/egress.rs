//! The way out of an instance: links, routes and what they refuse.
//!
//! ```text
//!  instance           router namespace                      host
//!  eth0 ──────────── i17 ┐
//!  eth0 ──────────── i18 ┼ rules, translation ── uplink ──── coracle0 ── rules, translation ── eth0 …
//!  eth0 ──────────── i19 ┘
//! ```
//!
//! All instances of one process hang on a **router namespace** that nothing but this process holds. The host sees
//! one link (`coracle0`, `coracle1` for the next process, …), not one for each instance, so its network manager and
//! `udev` have nothing to do when an instance starts; addresses of instances cannot clash with the host's.
//! When the process ends, however it ends, the kernel removes the router, with it every link, and the host's rules,
//! which belong to a socket of the process. The links go some milliseconds after the rules, so instances must not
//! outlive the process that holds this; [`Egress::close`] removes the links first. A shared table with rules for each
//! instance, the usual way, needs locks between processes and a sweep after a crash, and a `flush ruleset` by
//! the administrator would open the host to the instances.
//!
//! What is refused where:
//!
//! - by the router: everything but IPv4; other instances; link-local, multicast, loopback and reserved
//!   addresses; the metadata addresses of clouds; packets with a forged source;
//! - by the host: everything to the host itself, on any of its addresses, also through a published port; the
//!   host's bridges of containers and virtual machines; other processes' instances.
//!
//! Two things stay on the host: `net.ipv4.ip_forward` is switched on and not off again, since others may have come
//! to need it; and, where `iptables` drops what it does not know (Docker, ufw), two accepting rules that
//! concern `coracle*` links alone, until [`Egress::close`] or [`Egress::sweep`].

mod accept;
mod policy;
mod survey;
mod sysctl;
#[cfg(test)]
mod tests;

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use coracle_spec::{Class, Failure};

use crate::link::{RouteSocket, VethPair};
use crate::namespace::{Netns, NetnsError};
use crate::netlink::NetlinkError;
use crate::nft::{Family, Firewall};
use crate::range::{Ipv4Range, Pair};
use survey::Survey;

/// What the names of links on the host start with.
const HOST_LINKS: &str = "coracle";
/// What the names of links to instances start with, in the router.
const INSTANCE_LINKS: &str = "i";
/// The router's link to the host.
const UPLINK: &str = "uplink";
/// An instance's link.
const INSTANCE_LINK: &str = "eth0";
const ROUTER_TABLE: &str = "coracle";

/// Addresses that the links take. They show up nowhere outside the host.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    /// For the link between host and router: the first range that no route of the host touches.
    pub uplinks: Vec<Ipv4Range>,
    /// For the links between router and instances.
    pub instances: Ipv4Range,
}

impl Default for EgressConfig {
    /// Takes ranges set aside for benchmarks (RFC 2544), which no network uses, then rare private ones.
    fn default() -> Self {
        Self {
            uplinks: vec![
                Ipv4Range::new(Ipv4Addr::new(198, 18, 0, 0), 24),
                Ipv4Range::new(Ipv4Addr::new(10, 213, 77, 0), 24),
                Ipv4Range::new(Ipv4Addr::new(172, 30, 213, 0), 24),
                Ipv4Range::new(Ipv4Addr::new(100, 127, 213, 0), 24),
            ],
            instances: Ipv4Range::new(Ipv4Addr::new(198, 19, 0, 0), 16),
        }
    }
}

/// Why instances get no way out.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// A namespace.
    #[error("cannot set up the router's network namespace")]
    Namespace(#[from] NetnsError),
    /// A link, an address, a route or a rule.
    #[error("cannot set up the way out of instances")]
    Netlink(#[from] NetlinkError),
    /// A setting of the kernel.
    #[error("cannot write `{value}` to `{}`", path.display())]
    Setting {
        /// The file under `/proc/sys`.
        path: PathBuf,
        /// What it should hold.
        value: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Every range for uplinks clashes with a route of the host.
    #[error("every address range for the link to instances is in use on this host")]
    RangesInUse,
    /// Every number is taken.
    #[error("no free address is left for another {what}")]
    Exhausted {
        /// What wanted one.
        what: &'static str,
    },
}

impl Failure for EgressError {
    fn class(&self) -> Class {
        match self {
            Self::Namespace(error) => error.class(),
            Self::Netlink(error) => error.class(),
            Self::Exhausted { .. } => Class::Busy,
            Self::RangesInUse => Class::Conflict,
            Self::Setting { .. } => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Namespace(error) => error.hint(),
            Self::Netlink(error) => error.hint(),
            Self::RangesInUse => Some("name a free IPv4 range in the settings".to_owned()),
            Self::Setting { path, value, .. } => {
                Some(format!("as root: `echo {value} > {}`", path.display()))
            }
            Self::Exhausted { .. } => None,
        }
    }
}

/// What may keep instances from the network although everything was set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Rules of the old kind exist, into which none can be put through netlink.
    #[error(
        "this host filters with iptables-legacy: if instances have no network, run `iptables-legacy -I FORWARD -i coracle+ -j ACCEPT` and `iptables-legacy -I FORWARD -o coracle+ -j ACCEPT`"
    )]
    LegacyFilter,
}

/// An instance's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attachment {
    /// The instance's address.
    pub address: Ipv4Addr,
    /// The router's address on that link.
    pub gateway: Ipv4Addr,
}

/// The router of one process. Everything that belongs to it goes when this is dropped or the process ends.
#[derive(Debug)]
pub struct Egress {
    router: Netns,
    /// Holds the host's rules.
    firewall: Firewall,
    name: String,
    local_bridges: Vec<&'static str>,
    instances: Ipv4Range,
    mtu: u32,
}

impl Egress {
    /// Sets up the router between the namespace of the calling thread, the host, and instances to come.
    pub fn open(config: &EgressConfig) -> Result<Self, EgressError> {
        let survey = Survey::take()?;
        let range = survey
            .free_range(&config.uplinks)
            .ok_or(EgressError::RangesInUse)?;
        let router = Netns::create()?;
        router.run(sysctl::make_router)??;
        let (name, index) = create_uplink(&router, range, survey.mtu)?;
        let mut egress = Self {
            router,
            firewall: Firewall::open()?,
            name,
            local_bridges: survey.local_bridges(),
            instances: config.instances,
            mtu: survey.mtu,
        };
        // Rules before addresses: there is no moment at which a packet could pass unfiltered.
        Firewall::open_in(&egress.router)?.install(&policy::router([config.instances, range]))?;
        egress.assert_rules()?;
        egress.address_uplink(range, index)?;
        Ok(egress)
    }

    /// Gives `instance` a link `eth0` with an address, and a default route. Takes 1 ms.
    ///
    /// Works in any process that inherited this, several at a time. The namespace may belong to another user
    /// namespace. The link goes with the instance's namespace;
    /// nothing needs to be called for that, and nobody waits for it.
    pub fn attach(&self, instance: &Netns) -> Result<Attachment, EgressError> {
        let mut inside_router = RouteSocket::open_in(&self.router)?;
        let (link, pair) = self.create_instance_link(&mut inside_router, instance)?;
        sysctl::without_ipv6(instance, INSTANCE_LINK)?;
        inside_router.address(&link, pair.near)?;
        let mut inside_instance = RouteSocket::open_in(instance)?;
        inside_instance.address(INSTANCE_LINK, pair.far)?;
        inside_instance.default_route(pair.near)?;
        inside_router.settle(&link)?;
        Ok(Attachment {
            address: pair.far,
            gateway: pair.near,
        })
    }

    /// Answers the router: what a child process that closes what it inherited must keep open to
    /// [`attach`](Self::attach).
    pub fn router(&self) -> &Netns {
        &self.router
    }

    /// Answers the name of the host's link to the router, by which others see that this lives.
    pub fn link(&self) -> &str {
        &self.name
    }

    /// Puts back what others on the host may have removed: forwarding, and the rules among those of `iptables`.
    ///
    /// Cheap when nothing is missing (30 µs). Called now and then, since Docker rewrites its chains when it starts;
    /// by the process that opened this, since it uses the one socket.
    pub fn assert_rules(&mut self) -> Result<(), EgressError> {
        sysctl::forward()?;
        if !self.firewall.has_table(Family::Inet, &self.name)? {
            self.firewall
                .install(&policy::host(&self.name, &self.local_bridges))?;
        }
        Ok(accept::assert(&mut self.firewall)?)
    }

    /// Answers what may keep instances from the network.
    pub fn warnings(&self) -> Vec<Warning> {
        if survey::has_legacy_filter() {
            vec![Warning::LegacyFilter]
        } else {
            Vec::new()
        }
    }

    /// Removes everything, and the accepting rules if no other process needs them. Takes 20 ms.
    pub fn close(self) -> Result<(), EgressError> {
        RouteSocket::open()?.delete(&self.name)?;
        Self::sweep()
    }

    /// Removes the accepting rules that a process left behind, unless one that lives needs them.
    pub fn sweep() -> Result<(), EgressError> {
        let in_use = RouteSocket::open()?
            .links()?
            .iter()
            .any(|link| link.name.starts_with(HOST_LINKS));
        if in_use {
            Ok(())
        } else {
            Ok(accept::retract(&mut Firewall::open()?)?)
        }
    }

    fn address_uplink(&self, range: Ipv4Range, index: u32) -> Result<(), EgressError> {
        let pair = range.pair(index);
        sysctl::host_link(&self.name)?;
        let mut on_host = RouteSocket::open()?;
        on_host.address(&self.name, pair.near)?;
        let mut inside_router = RouteSocket::open_in(&self.router)?;
        inside_router.up("lo")?;
        inside_router.address(UPLINK, pair.far)?;
        inside_router.default_route(pair.near)?;
        Ok(on_host.settle(&self.name)?)
    }

    /// Starts at the number of the instance's namespace, which no other has, so that the first try succeeds.
    fn create_instance_link(
        &self,
        socket: &mut RouteSocket,
        instance: &Netns,
    ) -> Result<(String, Pair), EgressError> {
        let count = self.instances.pairs();
        let start = u32::try_from(instance.inode()? % u64::from(count)).unwrap_or_default();
        for index in (start..count).chain(0..start) {
            let name = format!("{INSTANCE_LINKS}{index}");
            let pair = VethPair {
                name: &name,
                peer_name: INSTANCE_LINK,
                peer_in: instance,
                mtu: self.mtu,
            };
            if socket.create(&pair)? {
                return Ok((name, self.instances.pair(index)));
            }
        }
        Err(EgressError::Exhausted { what: "instance" })
    }
}

/// Makes the link between host and router under the first free number.
fn create_uplink(router: &Netns, range: Ipv4Range, mtu: u32) -> Result<(String, u32), EgressError> {
    let mut socket = RouteSocket::open()?;
    for index in 0..range.pairs() {
        let name = format!("{HOST_LINKS}{index}");
        if socket.create(&VethPair {
            name: &name,
            peer_name: UPLINK,
            peer_in: router,
            mtu,
        })? {
            return Ok((name, index));
        }
    }
    Err(EgressError::Exhausted { what: "process" })
}
