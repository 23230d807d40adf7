//! Where a registry, or a mirror of one, answers.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::settings::Server;

/// Where `docker.io` answers.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// Where a registry answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    /// Its host, with its port if it has one, in the form of references: what credentials are stored for.
    pub(crate) registry: String,
    /// The host, with its port if it has one, that requests go to.
    authority: String,
    /// The scheme, when it is known.
    scheme: Option<Scheme>,
    /// What goes before the repository; empty, or with a slash at its end.
    prefix: String,
    /// Whether it stands for another registry.
    pub(crate) is_mirror: bool,
}

/// How a registry is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// TLS.
    Https,
    /// Plain.
    Http,
}

impl Server {
    /// Answers how it is spoken to.
    pub(crate) fn scheme(&self) -> Scheme {
        match self {
            Self::Tls => Scheme::Https,
            Self::Plain | Self::Socket(_) => Scheme::Http,
        }
    }
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

impl Endpoint {
    /// Answers the registry of that name itself.
    pub(crate) fn origin(registry: &str) -> Self {
        let (hub, host) = DOCKER_HUB;
        Self {
            registry: registry.to_owned(),
            authority: if registry == hub { host } else { registry }.to_owned(),
            scheme: None,
            prefix: String::new(),
            is_mirror: false,
        }
    }

    /// Answers the mirror at `url`, whose scheme may be left out; nothing when it cannot be one.
    pub(crate) fn mirror(url: &str) -> Option<Self> {
        let (scheme, rest) = match url.split_once("://") {
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(_) => return None,
            None => (None, url),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_matches('/');
        let mirror = Self {
            registry: authority.to_owned(),
            authority: authority.to_owned(),
            scheme,
            prefix: if path.is_empty() {
                String::new()
            } else {
                format!("{path}/")
            },
            is_mirror: true,
        };
        let plain = |char: char| !char.is_whitespace() && !matches!(char, '@' | '?' | '#');
        let usable = !authority.is_empty() && rest.chars().all(plain);
        usable
            .then(|| mirror.base(Scheme::Https))
            .flatten()
            .map(|_| mirror)
    }

    /// Answers the scheme, if there is no choice.
    pub(crate) fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// Answers whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.base(Scheme::Http).is_some_and(|base| is_on_loopback(&base))
    }

    /// Answers the repository as it is called there.
    pub(crate) fn repository(&self, repository: &str) -> String {
        format!("{}{repository}", self.prefix)
    }

    /// Answers the address beneath which everything is; nothing when the host is none.
    pub(crate) fn base(&self, scheme: Scheme) -> Option<Url> {
        Url::parse(&format!("{}://{}/v2/", scheme.name(), self.authority)).ok()
    }
}

/// Answers whether an address is on this machine.
pub(crate) fn is_on_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.registry)?;
        match self.prefix.trim_end_matches('/') {
            "" => Ok(()),
            prefix => write!(f, "/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_answers_elsewhere_and_keeps_its_name() {
        let hub = Endpoint::origin("docker.io");
        assert_eq!(
            hub.base(Scheme::Https).unwrap().as_str(),
            "https://registry-1.docker.io/v2/"
        );
        assert_eq!(hub.registry, "docker.io");
    }

    #[test]
    fn a_registry_on_this_machine_is_known_by_its_address() {
        for (registry, local) in [
            ("localhost:5000", true),
            ("registry.localhost", true),
            ("127.0.0.1:5000", true),
            ("127.9.9.9", true),
            ("[::1]:5000", true),
            ("localhost.example", false),
            ("10.0.0.1:5000", false),
            ("127.0.0.1.example", false),
        ] {
            assert_eq!(Endpoint::origin(registry).is_loopback(), local, "{registry}");
        }
    }
}
