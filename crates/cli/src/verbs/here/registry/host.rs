//! A registry as the user names it.

use std::fmt;
use std::str::FromStr;

use coracle_spec::registry::InvalidRegistryHost;
use coracle_spec::{ImageRef, RegistryHost};

/// A registry as references name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host(String);

impl Host {
    /// Answers its name.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// Answers it as the server takes it.
    pub(super) fn registry(&self) -> Result<RegistryHost, InvalidRegistryHost> {
        self.0.parse()
    }
}

impl FromStr for Host {
    type Err = String;

    /// Takes an address too, as `docker login` does.
    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or_default();
        let host = if host == "registry-1.docker.io" {
            "docker.io"
        } else {
            host
        };
        let image: Option<ImageRef> = format!("{host}/any").parse().ok();
        let registry = image.map(|image| image.registry().to_owned());
        registry
            .filter(|registry| registry == host || host == "index.docker.io")
            .map(Self)
            .ok_or_else(|| "expected a registry, such as `ghcr.io` or `localhost:5000`".to_owned())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_hosts_in_each_form_that_people_write() {
        for (text, expected) in [
            ("ghcr.io", Some("ghcr.io")),
            ("https://ghcr.io/", Some("ghcr.io")),
            ("https://index.docker.io/v1/", Some("docker.io")),
            ("docker.io", Some("docker.io")),
            ("localhost:5000", Some("localhost:5000")),
            ("team", None),
            ("", None),
            ("me:sesame@ghcr.io", None),
        ] {
            let host = text.parse::<Host>().ok();
            assert_eq!(host.as_ref().map(Host::name), expected, "{text}");
        }
    }
}
