//! A table: chains on the kernel's hooks, each a list of rules, written as data and sent as one batch.

use nix::libc;

use super::{
    CHAIN_NAME, CHAIN_POLICY, CHAIN_TABLE, ChainPath, Family, NEW_CHAIN, NEW_RULE, NEW_TABLE, Rule,
    TABLE_NAME, message, rule_path,
};
use crate::netlink::{Attributes, Message};

const TABLE_FLAGS: u16 = 2;
/// The table belongs to the socket that made it (`NFT_TABLE_F_OWNER`, Linux 5.12).
const OWNER: u32 = 2;
const CHAIN_HOOK: u16 = 4;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;

/// Where packets pass a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    /// Packets for this namespace itself.
    Input,
    /// Packets that are passed on.
    Forward,
    /// Packets about to leave, for the translation of their source.
    SourceTranslation,
}

/// What becomes of packets that no rule of a chain decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Drop,
    Accept,
}

/// A chain and its rules.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) hook: Hook,
    pub(crate) policy: Policy,
    pub(crate) rules: Vec<Rule>,
}

/// An `inet` table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// The kernel removes the table when the socket that made it closes, also after `kill -9`, and nobody else
    /// can change or flush it.
    pub(crate) owned: bool,
    pub(crate) chains: Vec<Chain>,
}

impl Table {
    /// Answers the messages that make the table.
    pub(super) fn messages(&self) -> Vec<Message> {
        let mut messages = vec![self.message()];
        for chain in &self.chains {
            messages.push(chain.message(&self.name));
            messages.extend(
                chain
                    .rules
                    .iter()
                    .map(|rule| append(&self.name, chain.hook, rule)),
            );
        }
        messages
    }

    fn message(&self) -> Message {
        let flags = if self.owned { OWNER } else { 0 };
        message(
            format!("create the table `{}`", self.name),
            NEW_TABLE,
            Family::Inet,
        )
        .flags(libc::NLM_F_CREATE | libc::NLM_F_EXCL)
        .with(
            &Attributes::default()
                .text(TABLE_NAME, &self.name)
                .be32(TABLE_FLAGS, flags),
        )
    }
}

impl Chain {
    fn message(&self, table: &str) -> Message {
        let (name, kind, number, priority) = self.hook.row();
        let hook = Attributes::default()
            .be32(HOOK_NUMBER, number)
            .be32(HOOK_PRIORITY, priority);
        message(format!("create the chain `{name}`"), NEW_CHAIN, Family::Inet)
            .flags(libc::NLM_F_CREATE)
            .with(
                &Attributes::default()
                    .text(CHAIN_TABLE, table)
                    .text(CHAIN_NAME, name)
                    .nest(CHAIN_HOOK, &hook)
                    .be32(CHAIN_POLICY, self.policy.to_wire())
                    .text(CHAIN_TYPE, kind),
            )
    }
}

impl Hook {
    /// Answers the chain's name, its type, the hook's number (`NF_INET_…`) and the usual priority there.
    fn row(self) -> (&'static str, &'static str, u32, u32) {
        match self {
            Self::Input => ("input", "filter", 1, 0),
            Self::Forward => ("forward", "filter", 2, 0),
            Self::SourceTranslation => ("postrouting", "nat", 4, 100),
        }
    }
}

impl Policy {
    fn to_wire(self) -> u32 {
        match self {
            Self::Drop => 0,
            Self::Accept => 1,
        }
    }

    pub(super) fn from_wire(bytes: &[u8]) -> Self {
        if bytes == [0; 4] { Self::Drop } else { Self::Accept }
    }
}

fn append(table: &str, hook: Hook, rule: &Rule) -> Message {
    let path = ChainPath {
        family: Family::Inet,
        table,
        chain: hook.row().0,
    };
    message(format!("add a rule to `{}`", path.chain), NEW_RULE, path.family)
        .flags(libc::NLM_F_CREATE | libc::NLM_F_APPEND)
        .with(&rule.attributes(rule_path(path)))
}
