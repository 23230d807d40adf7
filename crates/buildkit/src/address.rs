//! Where a BuildKit is, in the words that its own tools take (`BUILDKIT_HOST`, `DOCKER_HOST`).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a Docker Engine listens when nothing says otherwise.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// Where a BuildKit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Who answers there.
    pub server: Server,
    /// Where.
    pub endpoint: Endpoint,
}

/// Who answers at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// `buildkitd`.
    BuildKit,
    /// A Docker Engine, which has a BuildKit in it.
    Docker,
}

/// A place to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket of this machine.
    Unix(PathBuf),
    /// A port.
    Tcp {
        /// A name or an address, that of IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

/// A text names no BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no address of a BuildKit: {expected}")]
pub struct InvalidAddress {
    text: String,
    expected: &'static str,
}

const FORMS: &str =
    "expected `unix://PATH`, `tcp://HOST:PORT`, `docker://`, `docker://PATH` or `docker://HOST:PORT`";
const CONTAINERS: &str =
    "BuildKits in containers are not reached by their names; let it listen on a port or a socket";

impl Address {
    /// Answers the address of a Docker Engine.
    pub fn docker(endpoint: Endpoint) -> Self {
        Self {
            server: Server::Docker,
            endpoint,
        }
    }
}

impl Default for Endpoint {
    /// Answers where a Docker Engine usually listens.
    fn default() -> Self {
        Self::Unix(PathBuf::from(DOCKER_SOCKET))
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = |expected| InvalidAddress {
            text: text.to_owned(),
            expected,
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| invalid(FORMS))?;
        let endpoint = match (scheme, rest) {
            ("docker", "") => return Ok(Self::docker(Endpoint::default())),
            ("docker", path) if path.starts_with('/') => Some(Endpoint::Unix(PathBuf::from(path))),
            ("docker" | "tcp", authority) => tcp(authority),
            ("unix", path) => unix(path),
            ("docker-container" | "podman-container" | "kube-pod", _) => return Err(invalid(CONTAINERS)),
            _ => None,
        };
        let server = if scheme == "docker" {
            Server::Docker
        } else {
            Server::BuildKit
        };
        let endpoint = endpoint.ok_or_else(|| invalid(FORMS))?;
        Ok(Self { server, endpoint })
    }
}

impl FromStr for Endpoint {
    type Err = InvalidAddress;

    /// Reads what `DOCKER_HOST` may say: `unix://PATH` or `tcp://HOST:PORT`.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let found = match text.split_once("://") {
            Some(("unix", path)) => unix(path),
            Some(("tcp" | "http" | "https", authority)) => tcp(authority),
            _ => None,
        };
        found.ok_or_else(|| InvalidAddress {
            text: text.to_owned(),
            expected: "expected `unix://PATH` or `tcp://HOST:PORT`",
        })
    }
}

fn unix(path: &str) -> Option<Endpoint> {
    path.starts_with('/').then(|| Endpoint::Unix(PathBuf::from(path)))
}

fn tcp(authority: &str) -> Option<Endpoint> {
    let (host, port) = authority.trim_end_matches('/').rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let is_host = !host.is_empty() && !host.contains(['/', '@', ' ']);
    let port = port.parse().ok().filter(|port| *port != 0)?;
    is_host.then(|| Endpoint::Tcp {
        host: host.to_owned(),
        port,
    })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.server, &self.endpoint) {
            (Server::BuildKit, endpoint) => endpoint.fmt(f),
            (Server::Docker, Endpoint::Unix(path)) => write!(f, "docker://{}", path.display()),
            (Server::Docker, Endpoint::Tcp { host, port }) => {
                write!(f, "docker://{}:{port}", bracketed(host))
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } => write!(f, "tcp://{}:{port}", bracketed(host)),
        }
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_buildkits_own_tools() {
        for (text, shown) in [
            (
                "unix:///run/buildkit/buildkitd.sock",
                "unix:///run/buildkit/buildkitd.sock",
            ),
            ("tcp://builder:1234", "tcp://builder:1234"),
            ("tcp://[::1]:1234", "tcp://[::1]:1234"),
            ("docker://", "docker:///var/run/docker.sock"),
            ("docker:///tmp/d.sock", "docker:///tmp/d.sock"),
            ("docker://engine:2376", "docker://engine:2376"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown, "{text}");
            assert_eq!(shown.parse::<Address>().unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_is_one() {
        for text in [
            "",
            "builder:1234",
            "tcp://builder",
            "tcp://:1",
            "tcp://a:0",
            "unix://relative",
            "http://a:1",
            "tcp://user@host:1",
            "docker-container://buildkitd",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
        assert!("ssh://host".parse::<Endpoint>().is_err());
    }
}
