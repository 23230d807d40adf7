//! What can be deployed: an image that the server has, or one that it pulls.
//!
//! One text names both, so that flags, bodies and messages need no second key for the same thing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::reference::{ImageRef, InvalidReference};

/// An image, by the digest of its manifest or by its name in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Deployable {
    /// In the server's store.
    Stored(Digest),
    /// In a registry.
    Named(ImageRef),
}

impl FromStr for Deployable {
    type Err = InvalidReference;

    /// A digest alone is an image that is stored, though it could name a repository called `sha256`; so what only
    /// begins as one is a mistake.
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        match text.parse() {
            Ok(digest) => Ok(Self::Stored(digest)),
            Err(_) if text.starts_with("sha256:") => Err(InvalidReference::of(
                text,
                "a digest is `sha256:` and 64 lower-case hexadecimal digits",
            )),
            Err(_) => text.parse().map(Self::Named),
        }
    }
}

impl fmt::Display for Deployable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored(digest) => digest.fmt(f),
            Self::Named(reference) => reference.fmt(f),
        }
    }
}

impl TryFrom<String> for Deployable {
    type Error = InvalidReference;

    fn try_from(text: String) -> Result<Self, InvalidReference> {
        text.parse()
    }
}

impl From<Deployable> for String {
    fn from(image: Deployable) -> Self {
        image.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_stored_and_everything_else_is_a_reference() {
        let digest = Digest::of("image");
        let stored: Deployable = digest.to_string().parse().unwrap();
        assert_eq!(stored, Deployable::Stored(digest));
        for name in [
            "nginx",
            "registry.example:5000/team/app:1",
            &format!("app@{digest}"),
        ] {
            let named: Deployable = name.parse().unwrap();
            assert_eq!(named, Deployable::Named(name.parse().unwrap()));
            assert_eq!(named.to_string(), name);
            let json = serde_json::to_string(&named).unwrap();
            assert_eq!(serde_json::from_str::<Deployable>(&json).unwrap(), named);
        }
        for wrong in ["Not An Image", "sha256:xyz"] {
            assert!(wrong.parse::<Deployable>().is_err(), "{wrong}");
        }
    }
}
