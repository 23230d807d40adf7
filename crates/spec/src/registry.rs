//! Image registries, as the references of images name them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::failure::{Class, Failure};
use crate::reference::ImageRef;

/// The host of an image registry, with its port if it has one: `docker.io`, `registry.example:5000`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistryHost(String);

/// A text names no registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the host of a registry: expected `registry.example` or `registry.example:5000`")]
pub struct InvalidRegistryHost(String);

impl Failure for InvalidRegistryHost {
    fn class(&self) -> Class {
        Class::User
    }
}

impl RegistryHost {
    /// Answers the registry that an image's name names.
    pub fn of(image: &ImageRef) -> Self {
        Self(image.registry().to_owned())
    }

    /// Answers it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RegistryHost {
    type Err = InvalidRegistryHost;

    /// Reads it as the first part of a reference is read: the names that Docker's registry has besides mean that one.
    fn from_str(text: &str) -> Result<Self, InvalidRegistryHost> {
        let invalid = || InvalidRegistryHost(text.to_owned());
        let image: ImageRef = format!("{text}/image").parse().map_err(|_| invalid())?;
        if matches!(image.repository(), "image" | "library/image") {
            Ok(Self::of(&image))
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RegistryHost {
    type Error = InvalidRegistryHost;

    fn try_from(text: String) -> Result<Self, InvalidRegistryHost> {
        text.parse()
    }
}

impl From<RegistryHost> for String {
    fn from(host: RegistryHost) -> Self {
        host.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_a_reference_takes_for_one() {
        for (text, expected) in [
            ("registry.example", "registry.example"),
            ("localhost:5000", "localhost:5000"),
            ("docker.io", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(text.parse::<RegistryHost>().unwrap().as_str(), expected);
        }
        for text in [
            "",
            "team",
            "a.example/team",
            "https://a.example",
            "a.example:x",
            "a b.example",
        ] {
            assert!(text.parse::<RegistryHost>().is_err(), "{text}");
        }
    }
}
