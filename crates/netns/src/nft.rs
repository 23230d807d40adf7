//! The kernel's packet filter, nftables, spoken to over nfnetlink (`linux/netfilter/nf_tables.h`).
//!
//! Only what the forwarding rules need: tables, chains on a hook, rules of a few expressions. Libraries for
//! this are copyleft, and the `nft` program need not be installed.

pub(crate) mod rule;
pub(crate) mod table;

use nix::libc;
use nix::sys::socket::SockProtocol;

use crate::namespace::Netns;
use crate::netlink::{Attributes, Message, Netlink, NetlinkError, attribute};

pub(crate) use rule::{Interface, Rule};
pub(crate) use table::{Chain, Hook, Policy, Table};

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;
/// `AF_UNSPEC`.
const ANY_FAMILY: u8 = 0;
const NEW_TABLE: u16 = 0;
const GET_TABLE: u16 = 1;
const NEW_CHAIN: u16 = 3;
const GET_CHAIN: u16 = 4;
const NEW_RULE: u16 = 6;
const GET_RULE: u16 = 7;
const DELETE_RULE: u16 = 8;

const TABLE_NAME: u16 = 1;
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_POLICY: u16 = 5;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const RULE_USERDATA: u16 = 7;

/// The protocols that a table sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4 and IPv6.
    Inet,
    /// IPv4 alone: where `iptables` keeps its rules.
    Ipv4,
}

/// A chain by its full name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChainPath<'a> {
    pub(crate) family: Family,
    pub(crate) table: &'a str,
    pub(crate) chain: &'a str,
}

/// A rule that exists.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExistingRule {
    pub(crate) handle: [u8; 8],
    pub(crate) comment: Option<String>,
}

/// An nfnetlink socket. Tables made as [`owned`](Table::owned) vanish when it closes.
#[derive(Debug)]
pub(crate) struct Firewall(Netlink);

impl Firewall {
    /// Opens one in the namespace of the calling thread.
    pub(crate) fn open() -> Result<Self, NetlinkError> {
        Netlink::open(SockProtocol::NetlinkNetFilter).map(Self)
    }

    /// Opens one in `namespace`.
    pub(crate) fn open_in(namespace: &Netns) -> Result<Self, NetlinkError> {
        Netlink::open_in(namespace, SockProtocol::NetlinkNetFilter).map(Self)
    }

    /// Makes a table with everything in it, or nothing.
    pub(crate) fn install(&mut self, table: &Table) -> Result<(), NetlinkError> {
        self.commit(&table.messages())
    }

    /// Says whether the table `name` exists.
    pub(crate) fn has_table(&mut self, family: Family, name: &str) -> Result<bool, NetlinkError> {
        let message = message(format!("find the table `{name}`"), GET_TABLE, family)
            .with(&Attributes::default().text(TABLE_NAME, name));
        Ok(self.0.get(&message)?.is_some())
    }

    /// Answers the policy of a chain on a hook; nothing if there is no such chain.
    pub(crate) fn chain(&mut self, path: ChainPath<'_>) -> Result<Option<Policy>, NetlinkError> {
        let message = message(format!("find the chain `{}`", path.chain), GET_CHAIN, path.family).with(
            &Attributes::default()
                .text(CHAIN_TABLE, path.table)
                .text(CHAIN_NAME, path.chain),
        );
        let Some(reply) = self.0.get(&message)? else {
            return Ok(None);
        };
        let policy = reply
            .payload
            .get(4..)
            .and_then(|rest| attribute(rest, CHAIN_POLICY));
        Ok(Some(policy.map_or(Policy::Accept, Policy::from_wire)))
    }

    /// Answers the rules of a chain in their order.
    pub(crate) fn rules(&mut self, path: ChainPath<'_>) -> Result<Vec<ExistingRule>, NetlinkError> {
        let message = message(
            format!("list the rules of `{}`", path.chain),
            GET_RULE,
            path.family,
        )
        .with(&rule_path(path));
        Ok(self
            .0
            .dump(&message)?
            .iter()
            .filter_map(|reply| parse_rule(reply.payload.get(4..)?))
            .collect())
    }

    /// Puts `rules` before all others of a chain, the last of them first.
    pub(crate) fn insert(&mut self, path: ChainPath<'_>, rules: &[Rule]) -> Result<(), NetlinkError> {
        let messages: Vec<_> = rules.iter().map(|rule| new_rule(path, rule)).collect();
        self.commit(&messages)
    }

    /// Removes rules of a chain.
    pub(crate) fn delete(&mut self, path: ChainPath<'_>, rules: &[ExistingRule]) -> Result<(), NetlinkError> {
        let messages: Vec<_> = rules
            .iter()
            .map(|rule| {
                message(
                    format!("delete a rule of `{}`", path.chain),
                    DELETE_RULE,
                    path.family,
                )
                .with(&rule_path(path).bytes(RULE_HANDLE, &rule.handle))
            })
            .collect();
        self.commit(&messages)
    }

    fn commit(&mut self, messages: &[Message]) -> Result<(), NetlinkError> {
        if messages.is_empty() {
            return Ok(());
        }
        let frame = |kind: i32| {
            let kind = u16::try_from(kind).unwrap_or_default();
            Message::new(
                "change the forwarding rules",
                kind,
                &header(ANY_FAMILY, SUBSYSTEM),
            )
        };
        let (begin, end) = (frame(libc::NFNL_MSG_BATCH_BEGIN), frame(libc::NFNL_MSG_BATCH_END));
        self.0.execute_all_or_none(&begin, messages, &end)
    }
}

impl Family {
    /// `NFPROTO_…` of `linux/netfilter.h`.
    fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Ipv4 => 2,
        }
    }
}

fn message(what: impl Into<String>, kind: u16, family: Family) -> Message {
    Message::new(what, SUBSYSTEM << 8 | kind, &header(family.number(), 0))
}

/// `struct nfgenmsg`: family, version, resource.
fn header(family: u8, resource: u16) -> [u8; 4] {
    let [high, low] = resource.to_be_bytes();
    [family, 0, high, low]
}

fn rule_path(path: ChainPath<'_>) -> Attributes {
    Attributes::default()
        .text(RULE_TABLE, path.table)
        .text(RULE_CHAIN, path.chain)
}

/// Without `NLM_F_APPEND` a rule goes to the front.
fn new_rule(path: ChainPath<'_>, rule: &Rule) -> Message {
    message(format!("add a rule to `{}`", path.chain), NEW_RULE, path.family)
        .flags(libc::NLM_F_CREATE)
        .with(&rule.attributes(rule_path(path)))
}

fn parse_rule(attributes: &[u8]) -> Option<ExistingRule> {
    Some(ExistingRule {
        handle: attribute(attributes, RULE_HANDLE)?.try_into().ok()?,
        comment: attribute(attributes, RULE_USERDATA).and_then(rule::comment_in),
    })
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;
    use crate::world::namespace;

    fn table(rules: Vec<Rule>) -> Table {
        let chain = Chain {
            hook: Hook::Forward,
            policy: Policy::Drop,
            rules,
        };
        Table {
            name: "made".to_owned(),
            owned: false,
            chains: vec![chain],
        }
    }

    const FORWARD: ChainPath<'_> = ChainPath {
        family: Family::Inet,
        table: "made",
        chain: "forward",
    };

    #[test]
    fn a_batch_with_one_bad_message_changes_nothing_and_says_which() {
        let mut firewall = Firewall::open_in(&namespace()).unwrap();
        let too_long = "x".repeat(40);
        let bad = Rule::default().from(Interface::Starting(&too_long)).drop();
        let error = firewall
            .install(&table(vec![Rule::default().drop(), bad]))
            .unwrap_err();
        assert_eq!(error.to_string(), "cannot add a rule to `forward`");
        assert!(!firewall.has_table(Family::Inet, "made").unwrap());
        firewall.install(&table(Vec::new())).unwrap();
        let error = firewall.install(&table(Vec::new())).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EEXIST));
        assert!(firewall.has_table(Family::Inet, "made").unwrap());
    }

    #[test]
    fn rules_are_inserted_first_found_by_their_comment_and_deleted() {
        let mut firewall = Firewall::open_in(&namespace()).unwrap();
        assert_eq!(firewall.chain(FORWARD).unwrap(), None);
        assert_eq!(firewall.rules(FORWARD).unwrap(), []);
        firewall.install(&table(vec![Rule::default().drop()])).unwrap();
        assert_eq!(firewall.chain(FORWARD).unwrap(), Some(Policy::Drop));
        firewall
            .insert(FORWARD, &[Rule::default().accept().comment("ours")])
            .unwrap();
        let mut rules = firewall.rules(FORWARD).unwrap();
        let comments: Vec<_> = rules.iter().map(|rule| rule.comment.as_deref()).collect();
        assert_eq!(comments, [Some("ours"), None]);
        rules.truncate(1);
        firewall.delete(FORWARD, &rules).unwrap();
        assert_eq!(firewall.rules(FORWARD).unwrap().len(), 1);
    }
}
