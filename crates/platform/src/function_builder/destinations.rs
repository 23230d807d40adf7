//! Where images go: into the server's own registry, without credentials to set up, or to somebody else's.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use coracle_build::Observer;
use coracle_tasks::CancellationToken;

use super::seams::{Publication, Publisher};
use crate::failure::SharedFailure;

/// Brings images to one of two places, by their registry's host.
pub struct Destinations {
    hosts: Vec<String>,
    here: Arc<dyn Publisher>,
    elsewhere: Arc<dyn Publisher>,
}

impl Destinations {
    /// Brings what is named for the server at `public_url`, or for this machine and the port of `address`, `here`.
    pub fn new(
        public_url: &str,
        address: SocketAddr,
        here: Arc<dyn Publisher>,
        elsewhere: Arc<dyn Publisher>,
    ) -> Self {
        Self {
            hosts: hosts(public_url, address),
            here,
            elsewhere,
        }
    }
}

#[async_trait]
impl Publisher for Destinations {
    async fn publish(
        &self,
        publication: Publication,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<(), SharedFailure> {
        let host = publication.reference.registry();
        let is_here = self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        let publisher = if is_here { &self.here } else { &self.elsewhere };
        publisher.publish(publication, observer, cancel).await
    }
}

/// Answers what the server's registry is called: a host without the port that its scheme has anyway is one name more.
fn hosts(public_url: &str, address: SocketAddr) -> Vec<String> {
    let (scheme, rest) = public_url.split_once("://").unwrap_or(("", public_url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let usual = if scheme.eq_ignore_ascii_case("https") {
        ":443"
    } else {
        ":80"
    };
    let mut hosts = vec![authority.to_owned()];
    match authority.strip_suffix(usual) {
        Some(host) => hosts.push(host.to_owned()),
        None => hosts.push(format!("{authority}{usual}")),
    }
    let port = address.port();
    hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}")));
    if !address.ip().is_unspecified() {
        hosts.push(address.to_string());
    }
    hosts.retain(|host| !host.is_empty() && !host.starts_with(':'));
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_names_are_those_of_its_url_and_of_this_machine() {
        let any = SocketAddr::from(([0, 0, 0, 0], 8080));
        let known = hosts("https://fn.example.com/", any);
        for host in [
            "fn.example.com",
            "fn.example.com:443",
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
        ] {
            assert!(
                known.iter().any(|known| known == host),
                "{host} is not in {known:?}"
            );
        }
        assert_eq!(known.len(), 5);
        let inside = hosts(
            "http://user@10.0.0.7:9000",
            SocketAddr::from(([10, 0, 0, 7], 9000)),
        );
        assert!(inside.contains(&"10.0.0.7:9000".to_owned()));
        assert!(
            !inside
                .iter()
                .any(|host| host == "10.0.0.7" || host.contains("user"))
        );
    }
}
