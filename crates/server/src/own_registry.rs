//! The names under which images are in the server's own registry: they are found in it, not asked for over the network,
//! which would need credentials for ourselves.

use std::net::{IpAddr, SocketAddr};

use coracle_registry::{Reference, Registry, RegistryError, Repository};
use coracle_spec::{Digest, ImageRef, RegistryHost};
use http::Uri;

/// The hosts of the server's own registry: its public address, and this machine's loopback with its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnHosts {
    public: Option<String>,
    port: u16,
}

impl OwnHosts {
    /// Answers those of a server that is reached at `public_url` and listens at `address`.
    pub(crate) fn of(public_url: &str, address: SocketAddr) -> Self {
        let uri: Option<Uri> = public_url.parse().ok();
        Self {
            public: uri.and_then(|uri| uri.authority().map(ToString::to_string)),
            port: address.port(),
        }
    }

    /// Answers whether an image's name is one of the server's own registry.
    pub(crate) fn has(&self, image: &ImageRef) -> bool {
        let host = image.registry();
        self.public.as_deref() == Some(host) || self.is_loopback(host)
    }

    fn is_loopback(&self, host: &str) -> bool {
        let Some((name, port)) = host.rsplit_once(':') else {
            return false;
        };
        let address: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
        let is_here = name == "localhost" || address.is_some_and(|address| address.is_loopback());
        is_here && port.parse() == Ok(self.port)
    }
}

/// Answers what a name stands for in the own registry, as a name that never stands for anything else; `None` when it
/// stands for nothing.
pub(crate) fn pinned(registry: &Registry, image: &ImageRef) -> Result<Option<ImageRef>, RegistryError> {
    let found = registry.resolve(&Repository::of(image), &Reference::of(image))?;
    Ok(found.and_then(|manifest| at_digest(image, &manifest.digest)))
}

/// Answers an image's name with a digest in place of its tag.
pub(crate) fn at_digest(image: &ImageRef, digest: &Digest) -> Option<ImageRef> {
    let name = format!("{}/{}@{digest}", RegistryHost::of(image), image.repository());
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_registry_goes_by_the_public_address_and_by_loopback_with_the_port() {
        let own = OwnHosts::of("https://boats.example", "0.0.0.0:8443".parse().unwrap());
        for image in [
            "boats.example/team/app:1",
            "localhost:8443/app",
            "127.0.0.1:8443/app",
            "127.8.8.8:8443/app",
            "[::1]:8443/app",
        ] {
            assert!(own.has(&image.parse().unwrap()), "{image}");
        }
        for image in [
            "app",
            "boats.example:8443/app",
            "localhost:5000/app",
            "localhost/app",
            "10.0.0.1:8443/app",
        ] {
            assert!(!own.has(&image.parse().unwrap()), "{image}");
        }
    }
}
