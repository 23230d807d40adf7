//! What the host's network looks like before anything is added to it.

use fs_err as fs;

use super::HOST_LINKS;
use crate::link::{Link, Route, RouteSocket};
use crate::netlink::NetlinkError;
use crate::range::Ipv4Range;

/// What the names of bridges start with that lead to containers and virtual machines of this host.
const LOCAL_BRIDGES: [&str; 9] = [
    "docker", "br-", "podman", "cni", "nerdctl", "virbr", "lxcbr", "lxdbr", "incusbr",
];
/// The usual size of a packet, for a host without a default route.
const ETHERNET_MTU: u32 = 1500;

/// Links and routes of the host.
#[derive(Debug)]
pub(super) struct Survey {
    routes: Vec<Route>,
    ways_out: Vec<Link>,
    /// The largest packet that every way out takes, so that none is fragmented on this host.
    pub(super) mtu: u32,
}

impl Survey {
    /// Looks at the namespace of the calling thread.
    pub(super) fn take() -> Result<Self, NetlinkError> {
        let mut socket = RouteSocket::open()?;
        Ok(Self::of(&socket.links()?, socket.routes()?))
    }

    fn of(links: &[Link], mut routes: Vec<Route>) -> Self {
        let find = |route: &Route| links.iter().find(|link| Some(link.index) == route.link);
        // Other processes' links share the range; names keep their numbers apart.
        routes.retain(|route| find(route).is_none_or(|link| !link.name.starts_with(HOST_LINKS)));
        let defaults = routes.iter().filter(|route| route.destination.prefix() == 0);
        let ways_out: Vec<_> = defaults.filter_map(find).cloned().collect();
        routes.retain(|route| route.destination.prefix() > 0);
        let mtu = ways_out.iter().map(|link| link.mtu).min().unwrap_or(ETHERNET_MTU);
        Self {
            routes,
            ways_out,
            mtu,
        }
    }

    /// Answers the first of `ranges` that no route touches.
    pub(super) fn free_range(&self, ranges: &[Ipv4Range]) -> Option<Ipv4Range> {
        let used = |range: Ipv4Range| self.routes.iter().any(|route| route.destination.overlaps(range));
        ranges.iter().copied().find(|range| !used(*range))
    }

    /// Answers the starts of names of local bridges, without those that a way out of the host has as well: a
    /// machine whose only link is the bridge `br-lan` keeps its network.
    pub(super) fn local_bridges(&self) -> Vec<&'static str> {
        let way_out = |start: &str| self.ways_out.iter().any(|link| link.name.starts_with(start));
        LOCAL_BRIDGES
            .into_iter()
            .filter(|start| !way_out(start))
            .collect()
    }
}

/// Says whether rules of iptables-legacy are loaded, which netlink does not reach.
pub(super) fn has_legacy_filter() -> bool {
    fs::read_to_string("/proc/net/ip_tables_names")
        .is_ok_and(|names| names.lines().any(|name| name == "filter"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, mtu: u32) -> Link {
        Link {
            index,
            name: name.to_owned(),
            mtu,
        }
    }

    fn route(destination: &str, link: u32) -> Route {
        Route {
            destination: destination.parse().unwrap(),
            link: Some(link),
        }
    }

    fn ranges(list: &[&str]) -> Vec<Ipv4Range> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_range_is_free_when_only_default_routes_and_our_own_links_touch_it() {
        let links = [
            link(2, "eth0", 1500),
            link(3, "tun0", 1400),
            link(4, "coracle0", 1500),
        ];
        let survey = Survey::of(
            &links,
            vec![
                route("0.0.0.0/0", 2),
                route("10.0.0.0/8", 3),
                route("198.18.0.0/31", 4),
            ],
        );
        assert_eq!(
            survey.free_range(&ranges(&["10.1.0.0/24", "198.18.0.0/24"])),
            ranges(&["198.18.0.0/24"]).pop()
        );
        assert_eq!(survey.free_range(&ranges(&["10.1.0.0/24"])), None);
    }

    #[test]
    fn packets_are_as_large_as_the_narrowest_way_out_takes() {
        let links = [link(2, "eth0", 9000), link(3, "wg0", 1420), link(4, "eth1", 1000)];
        let routes = vec![
            route("0.0.0.0/0", 2),
            route("0.0.0.0/0", 3),
            route("10.0.0.0/8", 4),
        ];
        assert_eq!(Survey::of(&links, routes).mtu, 1420);
        assert_eq!(Survey::of(&links, Vec::new()).mtu, 1500);
    }

    #[test]
    fn a_bridge_that_is_the_way_out_is_not_refused() {
        let links = [link(2, "br-lan", 1500), link(3, "docker0", 1500)];
        let survey = Survey::of(&links, vec![route("0.0.0.0/0", 2), route("172.17.0.0/16", 3)]);
        assert!(!survey.local_bridges().contains(&"br-"));
        assert!(survey.local_bridges().contains(&"docker"));
    }
}
