//! Which hosts are reached.
//!
//! What a stranger names is fetched from this machine, which may stand where strangers must not look: beside its own
//! services, a private network, a cloud's metadata. So the addresses that a name resolves to are looked at, at each
//! connection: a name that is checked first and resolved again later may have moved in between.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Which hosts are reached without a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// All of them.
    #[default]
    Everywhere,
    /// Those of the public internet (IANA's registries of special-purpose addresses, RFC 6890).
    Public,
}

impl Reach {
    /// Fails when one of the addresses is out of reach.
    pub(crate) fn check(self, addresses: &[SocketAddr]) -> io::Result<()> {
        let hidden = addresses.iter().find(|address| !is_public(address.ip()));
        match hidden.filter(|_| self == Self::Public) {
            None => Ok(()),
            Some(address) => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("`{}` is no address of the public internet", address.ip()),
            )),
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && b & 0xc0 == 64;
    let is_for_protocols = [a, b, c] == [192, 0, 0];
    let is_for_benchmarks = a == 198 && b & 0xfe == 18;
    !(a == 0
        || a >= 224
        || is_shared
        || is_for_protocols
        || is_for_benchmarks
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

/// Only what is given out as global unicast, without what leads to addresses of IPv4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let (is_teredo_or_special, is_6to4) = (first == 0x2001 && second < 0x200, first == 0x2002);
    let is_documentation = first == 0x2001 && second == 0xdb8;
    first & 0xe000 == 0x2000 && !is_teredo_or_special && !is_6to4 && !is_documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_public_internet_is_out_of_reach_of_strangers() {
        for (address, is_reached) in [
            ("151.101.2.132", true),
            ("2a04:4e42::644", true),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.20.0.1", false),
            ("192.168.1.1", false),
            ("100.64.0.1", false),
            ("169.254.169.254", false),
            ("198.19.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("2002:7f00:1::", false),
            ("fd00::1", false),
            ("fe80::1", false),
        ] {
            let found = [SocketAddr::new(address.parse().unwrap(), 80)];
            assert_eq!(Reach::Public.check(&found).is_ok(), is_reached, "{address}");
            assert!(Reach::Everywhere.check(&found).is_ok(), "{address}");
        }
    }
}
