//! One rule: expressions that load something of a packet into a register and compare it, then a verdict.
//!
//! The expressions are the ones that `nft` compiles its syntax to (`nft --debug=netlink` shows them). Those for
//! interfaces and verdicts are also what `iptables` writes, so that it can still list a chain of its own into
//! which such a rule was put.

use crate::netlink::Attributes;
use crate::range::Ipv4Range;

const RULE_EXPRESSIONS: u16 = 4;
const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;

/// The register that takes the verdict, and the one that takes everything else.
const VERDICT: u32 = 0;
const REGISTER: u32 = 1;

const DROP: u32 = 0;
const ACCEPT: u32 = 1;

const META_IIFNAME: u32 = 6;
const META_OIFNAME: u32 = 7;
const META_NFPROTO: u32 = 15;
const META_L4PROTO: u32 = 16;
/// `IPPROTO_TCP`.
const TCP: u8 = 6;
/// `NFT_REJECT_ICMP_UNREACH` and `NFT_REJECT_TCP_RST`.
const REJECT_BY_ICMP: u32 = 0;
const REJECT_BY_RESET: u32 = 1;
/// "Communication administratively prohibited" (RFC 1812 §5.2.7.1).
const ICMP_PROHIBITED: u8 = 13;
const CT_STATE: u32 = 0;
const CT_STATUS: u32 = 2;
/// `NF_CT_STATE_BIT` of `IP_CT_ESTABLISHED` and of `IP_CT_RELATED`.
const ESTABLISHED_OR_RELATED: u32 = 2 | 4;
/// `IPS_DST_NAT`.
const DESTINATION_TRANSLATED: u32 = 1 << 5;
const NETWORK_HEADER: u32 = 1;
/// Where the destination is in an IPv4 header (RFC 791 §3.1).
const IPV4_DESTINATION: u32 = 16;
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;
const INTERFACE_NAME_SIZE: usize = 16;
/// The type of a comment in a rule's user data (`NFTNL_UDATA_RULE_COMMENT`).
const COMMENT: u8 = 0;

/// Interfaces by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface<'a> {
    /// The one with this name.
    Named(&'a str),
    /// All whose names start so.
    Starting(&'a str),
}

/// Which IP a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Ipv4,
    Ipv6,
}

/// A rule in the making: conditions, all of which must hold, then one verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    expressions: Attributes,
    comment: Option<&'static str>,
}

impl Rule {
    /// Matches packets that came in through `interface`.
    pub(crate) fn from(self, interface: Interface<'_>) -> Self {
        self.meta(META_IIFNAME).equals(&interface.bytes())
    }

    /// Matches packets that go out through `interface`.
    pub(crate) fn to(self, interface: Interface<'_>) -> Self {
        self.meta(META_OIFNAME).equals(&interface.bytes())
    }

    /// Matches packets of one protocol.
    pub(crate) fn protocol(self, protocol: Protocol) -> Self {
        let number = match protocol {
            Protocol::Ipv4 => 2,
            Protocol::Ipv6 => 10,
        };
        self.meta(META_NFPROTO).equals(&[number])
    }

    /// Matches IPv4 packets to an address in `range`.
    pub(crate) fn destination(self, range: Ipv4Range) -> Self {
        let mask = Ipv4Range::new(u32::MAX.into(), range.prefix()).network().octets();
        let load = Attributes::default()
            .be32(1, REGISTER)
            .be32(2, NETWORK_HEADER)
            .be32(3, IPV4_DESTINATION)
            .be32(4, 4);
        self.protocol(Protocol::Ipv4)
            .expression("payload", &load)
            .and(mask)
            .equals(&range.network().octets())
    }

    /// Matches packets of a connection that exists, or about one.
    pub(crate) fn established(self) -> Self {
        self.tracked(CT_STATE, ESTABLISHED_OR_RELATED)
    }

    /// Matches packets whose destination the host has replaced: to one of its published ports, say.
    pub(crate) fn redirected(self) -> Self {
        self.tracked(CT_STATUS, DESTINATION_TRANSLATED)
    }

    /// Ends the rule: matching packets are dropped for good.
    pub(crate) fn drop(self) -> Self {
        self.verdict(DROP)
    }

    /// Matches TCP.
    pub(crate) fn tcp(self) -> Self {
        self.meta(META_L4PROTO).equals(&[TCP])
    }

    /// Ends the rule: the sender of a matching TCP segment is told at once that nobody listens.
    pub(crate) fn reset(self) -> Self {
        self.expression("reject", &Attributes::default().be32(1, REJECT_BY_RESET))
    }

    /// Ends the rule: the sender of a matching IPv4 packet is told at once that it may not. The kernel tells one
    /// sender a few times a second at most.
    pub(crate) fn prohibit(self) -> Self {
        let how = Attributes::default().be32(1, REJECT_BY_ICMP);
        self.expression("reject", &how.bytes(2, &[ICMP_PROHIBITED]))
    }

    /// Ends the rule: this chain lets matching packets pass.
    pub(crate) fn accept(self) -> Self {
        self.verdict(ACCEPT)
    }

    /// Ends the rule: matching packets get the address of the link that they leave through as their source.
    pub(crate) fn masquerade(self) -> Self {
        self.expression("masq", &Attributes::default())
    }

    /// Adds a count of packets, without which `iptables` writes no rule.
    pub(crate) fn counter(self) -> Self {
        self.expression("counter", &Attributes::default())
    }

    /// Adds a comment, by which the rule can be found again.
    pub(crate) fn comment(mut self, comment: &'static str) -> Self {
        self.comment = Some(comment);
        self
    }

    /// Answers `path` with what the rule consists of.
    pub(crate) fn attributes(&self, path: Attributes) -> Attributes {
        let attributes = path.nest(RULE_EXPRESSIONS, &self.expressions);
        match self.comment {
            Some(comment) => attributes.bytes(super::RULE_USERDATA, &comment_data(comment)),
            None => attributes,
        }
    }

    fn tracked(self, key: u32, bits: u32) -> Self {
        self.expression("ct", &Attributes::default().be32(1, REGISTER).be32(2, key))
            .and(bits.to_ne_bytes())
            .compare(NOT_EQUAL, &[0; 4])
    }

    fn meta(self, key: u32) -> Self {
        self.expression("meta", &Attributes::default().be32(1, REGISTER).be32(2, key))
    }

    fn equals(self, value: &[u8]) -> Self {
        self.compare(EQUAL, value)
    }

    fn compare(self, operation: u32, value: &[u8]) -> Self {
        let value = Attributes::default().bytes(DATA_VALUE, value);
        self.expression(
            "cmp",
            &Attributes::default()
                .be32(1, REGISTER)
                .be32(2, operation)
                .nest(3, &value),
        )
    }

    /// Clears the bits of the register that are not in `mask`.
    fn and(self, mask: [u8; 4]) -> Self {
        let value = |bytes: &[u8]| Attributes::default().bytes(DATA_VALUE, bytes);
        let data = Attributes::default()
            .be32(1, REGISTER)
            .be32(2, REGISTER)
            .be32(3, 4)
            .nest(4, &value(&mask))
            .nest(5, &value(&[0; 4]));
        self.expression("bitwise", &data)
    }

    fn verdict(self, code: u32) -> Self {
        let verdict =
            Attributes::default().nest(DATA_VERDICT, &Attributes::default().be32(VERDICT_CODE, code));
        self.expression(
            "immediate",
            &Attributes::default().be32(1, VERDICT).nest(2, &verdict),
        )
    }

    fn expression(mut self, name: &str, data: &Attributes) -> Self {
        let expression = Attributes::default()
            .text(EXPRESSION_NAME, name)
            .nest(EXPRESSION_DATA, data);
        self.expressions = self.expressions.nest(LIST_ELEMENT, &expression);
        self
    }
}

impl Interface<'_> {
    /// A name is compared with its padding, the start of a name without.
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Named(name) => {
                let mut bytes = name.as_bytes().to_vec();
                bytes.resize(INTERFACE_NAME_SIZE, 0);
                bytes
            }
            Self::Starting(start) => start.as_bytes().to_vec(),
        }
    }
}

/// User data is type, length, value, each of the first two one byte.
fn comment_data(comment: &str) -> Vec<u8> {
    let length = u8::try_from(comment.len() + 1).unwrap_or(u8::MAX);
    let mut data = vec![COMMENT, length];
    data.extend_from_slice(comment.as_bytes());
    data.push(0);
    data
}

/// Answers the comment in a rule's user data.
pub(crate) fn comment_in(mut data: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = data {
        let value = rest.get(..usize::from(*length))?;
        if *kind == COMMENT {
            let text = value.strip_suffix(&[0]).unwrap_or(value);
            return String::from_utf8(text.to_vec()).ok();
        }
        data = &rest[usize::from(*length)..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_found_behind_other_data() {
        assert_eq!(comment_in(&comment_data("coracle")).as_deref(), Some("coracle"));
        let behind = [&[7, 2, 9, 9][..], &comment_data("coracle")].concat();
        assert_eq!(comment_in(&behind).as_deref(), Some("coracle"));
        for malformed in [&[][..], &[0], &[0, 9, 1], &[0, 1, 0xff]] {
            assert_eq!(comment_in(malformed), None, "{malformed:?}");
        }
    }
}
