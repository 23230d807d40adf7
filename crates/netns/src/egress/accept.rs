//! Two rules among those of `iptables`, where these drop what they do not know.
//!
//! Docker sets the policy of `FORWARD` to drop and leaves the chain `DOCKER-USER` to others; ufw drops likewise.
//! A packet must be accepted by every table that sees it, so accepting it in our own is not enough. What may
//! not pass, our own table drops, so these rules need no conditions beyond the link.

use super::HOST_LINKS;
use crate::netlink::NetlinkError;
use crate::nft::{ChainPath, Family, Firewall, Interface, Policy, Rule};

const COMMENT: &str = "coracle";
const DOCKER_USER: ChainPath<'_> = ChainPath {
    family: Family::Ipv4,
    table: "filter",
    chain: "DOCKER-USER",
};
const FORWARD: ChainPath<'_> = ChainPath {
    family: Family::Ipv4,
    table: "filter",
    chain: "FORWARD",
};

/// Sees to it that the rules are there if they are needed.
pub(super) fn assert(firewall: &mut Firewall) -> Result<(), NetlinkError> {
    let Some(path) = needed_in(firewall)? else {
        return Ok(());
    };
    let ours = firewall
        .rules(path)?
        .into_iter()
        .filter(|rule| rule.comment.as_deref() == Some(COMMENT));
    if ours.count() < rules().len() {
        firewall.insert(path, &rules())
    } else {
        Ok(())
    }
}

/// Removes the rules wherever they are.
pub(super) fn retract(firewall: &mut Firewall) -> Result<(), NetlinkError> {
    for path in [DOCKER_USER, FORWARD] {
        let mut ours = firewall.rules(path)?;
        ours.retain(|rule| rule.comment.as_deref() == Some(COMMENT));
        firewall.delete(path, &ours)?;
    }
    Ok(())
}

fn needed_in(firewall: &mut Firewall) -> Result<Option<ChainPath<'static>>, NetlinkError> {
    if firewall.chain(DOCKER_USER)?.is_some() {
        return Ok(Some(DOCKER_USER));
    }
    let forward = firewall.chain(FORWARD)?;
    Ok((forward == Some(Policy::Drop)).then_some(FORWARD))
}

fn rules() -> [Rule; 2] {
    let accept = |rule: Rule| rule.counter().accept().comment(COMMENT);
    [
        accept(Rule::default().from(Interface::Starting(HOST_LINKS))),
        accept(Rule::default().to(Interface::Starting(HOST_LINKS))),
    ]
}
