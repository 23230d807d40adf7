//! The host's `resolv.conf` (resolv.conf(5)), and the one that an instance gets.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use nix::net::if_::if_nametoindex;

use super::RESOLVER_ADDRESS;

const PORT: u16 = 53;
/// `MAXNS`: programs look at no more servers either.
const MOST_SERVERS: usize = 3;

/// What a `resolv.conf` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResolvConf {
    pub(super) servers: Vec<SocketAddr>,
    search: Vec<String>,
    options: Vec<String>,
}

impl ResolvConf {
    /// Reads what programs would: of several `search` lines the last, without a server the one on this host.
    pub(super) fn parse(text: &str) -> Self {
        let mut conf = Self {
            servers: Vec::new(),
            search: Vec::new(),
            options: Vec::new(),
        };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => conf.servers.extend(words.next().and_then(server)),
                Some("search" | "domain") => conf.search = words.map(str::to_owned).collect(),
                Some("options") => conf.options.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        conf.servers.truncate(MOST_SERVERS);
        if conf.servers.is_empty() {
            conf.servers.push(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        }
        conf
    }

    /// Writes the file for an instance: our server, and the host's way to search.
    pub(super) fn for_instance(&self) -> String {
        let mut text = format!("nameserver {}\n", RESOLVER_ADDRESS.ip());
        for (key, words) in [("search", &self.search), ("options", &self.options)] {
            if !words.is_empty() {
                let _ = writeln!(text, "{key} {}", words.join(" "));
            }
        }
        text
    }
}

/// Reads an address, with the link of a link-local one behind a percent sign.
fn server(word: &str) -> Option<SocketAddr> {
    if let Some((address, link)) = word.split_once('%') {
        let address: Ipv6Addr = address.parse().ok()?;
        let scope = link.parse().ok().or_else(|| if_nametoindex(link).ok())?;
        return Some(SocketAddrV6::new(address, PORT, 0, scope).into());
    }
    word.parse::<IpAddr>()
        .ok()
        .map(|address| SocketAddr::new(address, PORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(text: &str) -> Vec<String> {
        ResolvConf::parse(text)
            .servers
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn servers_are_read_as_programs_read_them() {
        for (text, expected) in [
            ("", vec!["127.0.0.1:53"]),
            (
                "# nameserver 9.9.9.9\n; x\nnameserver\nnameserver x\n",
                vec!["127.0.0.1:53"],
            ),
            ("nameserver 127.0.0.53\noptions edns0", vec!["127.0.0.53:53"]),
            (
                "nameserver\t10.0.0.1 # inside\nnameserver ::1\n",
                vec!["10.0.0.1:53", "[::1]:53"],
            ),
            ("nameserver fe80::1%lo", vec!["[fe80::1%1]:53"]),
            (
                "nameserver fe80::1%7\nnameserver fe80::1%no-such-link",
                vec!["[fe80::1%7]:53"],
            ),
            (
                "nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\nnameserver 1.0.0.4",
                vec!["1.0.0.1:53", "1.0.0.2:53", "1.0.0.3:53"],
            ),
        ] {
            assert_eq!(servers(text), expected, "{text}");
        }
    }

    #[test]
    fn an_instance_asks_us_and_searches_as_the_host_does() {
        let host = "nameserver 10.0.0.1\nsearch old.example\nsearch a.example b.example\noptions ndots:2\noptions edns0\n";
        assert_eq!(
            ResolvConf::parse(host).for_instance(),
            "nameserver 127.0.0.53\nsearch a.example b.example\noptions ndots:2 edns0\n"
        );
        assert_eq!(ResolvConf::parse("").for_instance(), "nameserver 127.0.0.53\n");
    }
}
