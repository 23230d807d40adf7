//! The rules, as data: what the router refuses, and what the host refuses.

use std::net::Ipv4Addr;

use super::{HOST_LINKS, INSTANCE_LINKS, ROUTER_TABLE, UPLINK};
use crate::nft::rule::Protocol;
use crate::nft::{Chain, Hook, Interface, Policy, Rule, Table};
use crate::range::Ipv4Range;

/// What no instance has business with (RFC 6890), and where clouds answer questions about the machine outside
/// of the link-local range.
const REFUSED: [Ipv4Range; 8] = [
    Ipv4Range::new(Ipv4Addr::UNSPECIFIED, 8),
    Ipv4Range::new(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Range::new(Ipv4Addr::new(169, 254, 0, 0), 16),
    Ipv4Range::new(Ipv4Addr::new(192, 0, 0, 192), 32),
    Ipv4Range::new(Ipv4Addr::new(100, 100, 100, 200), 32),
    Ipv4Range::new(Ipv4Addr::new(168, 63, 129, 16), 32),
    Ipv4Range::new(Ipv4Addr::new(224, 0, 0, 0), 4),
    Ipv4Range::new(Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Answers the router's table: from instances to the uplink, and back what belongs to it; nothing else.
/// `ours` are the ranges of the links, which lead to instances and hosts only.
///
/// What an instance must not reach is rejected, not dropped: libraries for clouds ask a metadata address at every
/// start, and would wait for seconds.
pub(super) fn router(ours: [Ipv4Range; 2]) -> Table {
    let from_instances = || {
        Rule::default()
            .from(Interface::Starting(INSTANCE_LINKS))
            .to(Interface::Named(UPLINK))
    };
    let refused = REFUSED.iter().chain(&ours);
    let mut forward: Vec<_> = refused
        .flat_map(|range| {
            let to_range = || from_instances().destination(*range);
            [to_range().tcp().reset(), to_range().prohibit()]
        })
        .collect();
    forward.push(from_instances().protocol(Protocol::Ipv4).accept());
    forward.push(
        Rule::default()
            .from(Interface::Named(UPLINK))
            .established()
            .accept(),
    );
    let translate = Rule::default().to(Interface::Named(UPLINK)).masquerade();
    Table {
        name: ROUTER_TABLE.to_owned(),
        // It goes with the router's namespace.
        owned: false,
        chains: vec![
            Chain {
                hook: Hook::Input,
                policy: Policy::Drop,
                rules: Vec::new(),
            },
            Chain {
                hook: Hook::Forward,
                policy: Policy::Drop,
                rules: forward,
            },
            Chain {
                hook: Hook::SourceTranslation,
                policy: Policy::Accept,
                rules: vec![translate],
            },
        ],
    }
}

/// Answers the host's table for the link `name`.
///
/// Its verdict to drop is final; its verdict to accept holds for this table only, the host's own rules still
/// apply. That is why nothing here accepts what the host would drop.
pub(super) fn host(name: &str, local_bridges: &[&str]) -> Table {
    let from = || Rule::default().from(Interface::Named(name));
    let to = || Rule::default().to(Interface::Named(name));
    let mut forward = vec![
        to().established().accept(),
        to().drop(),
        from().protocol(Protocol::Ipv6).drop(),
        from().redirected().drop(),
        from().to(Interface::Starting(HOST_LINKS)).drop(),
    ];
    forward.extend(
        local_bridges
            .iter()
            .map(|start| from().to(Interface::Starting(start)).drop()),
    );
    Table {
        name: name.to_owned(),
        owned: true,
        chains: vec![
            Chain {
                hook: Hook::Input,
                policy: Policy::Accept,
                rules: vec![from().drop()],
            },
            Chain {
                hook: Hook::Forward,
                policy: Policy::Accept,
                rules: forward,
            },
            Chain {
                hook: Hook::SourceTranslation,
                policy: Policy::Accept,
                rules: vec![from().masquerade()],
            },
        ],
    }
}
