//! A range of IPv4 addresses, cut into pairs: the two ends of a link (RFC 3021, 31-bit prefixes).

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// An IPv4 network in CIDR notation, such as `198.18.0.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv4Range {
    first: u32,
    prefix: u8,
}

/// The two addresses of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) near: Ipv4Addr,
    pub(crate) far: Ipv4Addr,
}

/// The prefix of a link's two addresses.
pub(crate) const PAIR_PREFIX: u8 = 31;

/// Why a text is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an IPv4 range: expected a network address and its prefix, such as `198.18.0.0/24`")]
pub struct InvalidRange(String);

impl Ipv4Range {
    /// Makes the range that holds `address`; `prefix` is at most 32.
    pub(crate) const fn new(address: Ipv4Addr, prefix: u8) -> Self {
        Self {
            first: address.to_bits() & mask(prefix),
            prefix,
        }
    }

    /// Answers how many links fit in.
    pub(crate) fn pairs(self) -> u32 {
        1_u32
            .checked_shl(u32::from(PAIR_PREFIX.saturating_sub(self.prefix)))
            .unwrap_or(u32::MAX)
    }

    /// Answers the addresses of link `index`, counted round from the end to the start.
    pub(crate) fn pair(self, index: u32) -> Pair {
        let first = self.first + 2 * (index % self.pairs());
        Pair {
            near: Ipv4Addr::from_bits(first),
            far: Ipv4Addr::from_bits(first + 1),
        }
    }

    /// Says whether an address is in both.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        let shared = mask(self.prefix.min(other.prefix));
        self.first & shared == other.first & shared
    }

    pub(crate) fn network(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.first)
    }

    pub(crate) fn prefix(self) -> u8 {
        self.prefix
    }
}

const fn mask(prefix: u8) -> u32 {
    match prefix {
        0 => 0,
        prefix => u32::MAX << (32 - prefix),
    }
}

impl FromStr for Ipv4Range {
    type Err = InvalidRange;

    /// Takes ranges that hold at least one link and are written by their network address.
    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let parse = || {
            let (address, prefix) = text.split_once('/')?;
            let address: Ipv4Addr = address.parse().ok()?;
            let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= PAIR_PREFIX)?;
            let range = Self::new(address, prefix);
            (range.first == address.to_bits()).then_some(range)
        };
        parse().ok_or_else(|| InvalidRange(text.to_owned()))
    }
}

impl fmt::Display for Ipv4Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Ipv4Range {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_is_cut_into_pairs_and_counted_round() {
        let small = range("10.0.0.8/30");
        assert_eq!(small.pairs(), 2);
        assert_eq!(
            small.pair(1),
            Pair {
                near: [10, 0, 0, 10].into(),
                far: [10, 0, 0, 11].into()
            }
        );
        assert_eq!(small.pair(2), small.pair(0));
        assert_eq!(range("198.19.0.0/16").pairs(), 32_768);
        assert_eq!(range("10.0.0.0/31").pairs(), 1);
    }

    #[test]
    fn ranges_overlap_when_one_is_within_the_other() {
        assert!(range("10.0.0.0/8").overlaps(range("10.1.0.0/24")));
        assert!(range("10.1.0.0/24").overlaps(range("10.0.0.0/8")));
        assert!(range("0.0.0.0/0").overlaps(range("10.0.0.0/8")));
        assert!(!range("10.0.0.0/9").overlaps(range("10.128.0.0/9")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in [
            "",
            "10.0.0.0",
            "10.0.0.1/24",
            "10.0.0.0/32",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "fe80::/10",
        ] {
            assert!(bad.parse::<Ipv4Range>().is_err(), "{bad}");
        }
        assert_eq!(range("10.0.0.0/8").to_string(), "10.0.0.0/8");
    }
}
