//! The names of repositories, tags and manifests (OCI distribution specification 1.1, "Pulling manifests").

use std::fmt;
use std::str::FromStr;

use coracle_spec::reference::{is_repository, is_tag};
use coracle_spec::{Class, Digest, Failure, FunctionId, ImageRef};

use crate::functions::FUNCTIONS;

/// The longest name of a repository, in bytes.
const LONGEST: usize = 255;

/// The name of a repository: `team/app`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(String);

/// A tag: `latest`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// How a manifest is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By a tag, which may be given to another manifest.
    Tag(Tag),
    /// By its digest.
    Digest(Digest),
}

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It names no repository.
    #[error(
        "`{0}` names no repository: expected up to 255 lower-case letters and digits, with `/`, and with single `.`, \
         `_`, `__` or dashes between them"
    )]
    Repository(String),
    /// It is no tag.
    #[error(
        "`{0}` is no tag: expected up to 128 letters, digits, `_`, `.` and `-`, starting with none of the last two"
    )]
    Tag(String),
    /// It is no digest that the store can hold.
    #[error("`{0}` is no digest of this registry: expected `sha256:` and 64 lower-case hexadecimal digits")]
    Digest(String),
}

impl Failure for InvalidName {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Repository {
    /// Answers the repository that an image's name names, whatever its registry.
    pub fn of(image: &ImageRef) -> Self {
        Self(image.repository().to_owned())
    }

    /// Answers the repository of a function's images: `functions/default/hello`.
    pub fn of_function(function: &FunctionId) -> Self {
        Self(format!("{FUNCTIONS}{}/{}", function.namespace, function.name))
    }

    /// Answers whether it is one of a function's images.
    pub(crate) fn is_of_function(&self) -> bool {
        self.0.starts_with(FUNCTIONS)
    }

    /// Answers the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    /// Answers the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Reference {
    /// Answers what an image's name asks for: its digest, else its tag, else `latest`.
    pub fn of(image: &ImageRef) -> Self {
        match image.digest() {
            Some(digest) => Self::Digest(*digest),
            None => Self::Tag(Tag(image.tag_or_latest().to_owned())),
        }
    }
}

impl FromStr for Repository {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() <= LONGEST && is_repository(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::Repository(shortened(text)))
        }
    }
}

impl FromStr for Tag {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if is_tag(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::Tag(shortened(text)))
        }
    }
}

impl FromStr for Reference {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.contains(':') {
            crate::digest::parse(text).map(Self::Digest)
        } else {
            text.parse().map(Self::Tag)
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// Answers as much of a hostile name as a message should have.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 300;
    text.chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_leave_its_folder_is_no_name() {
        let long = format!("a/{}", "b".repeat(254));
        for text in [
            "", ".", "..", "../a", "a/../b", "a/..", "/a", "a/", "a//b", "A", "a/B", "a+b", "a b", "a\0b",
            "_a", "a_", "a\\b", "ü", &long,
        ] {
            assert!(text.parse::<Repository>().is_err(), "{text}");
        }
        for text in ["", ".", "..", ".a", "-a", "a/b", "a+b", "a b", &"t".repeat(129)] {
            assert!(text.parse::<Tag>().is_err(), "{text}");
        }
        for text in ["a", "a/b/c", "a-b/c__d.e", "0/1", &"a".repeat(255)] {
            assert_eq!(text.parse::<Repository>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_reference_with_a_colon_is_a_digest_of_the_one_algorithm() {
        let digest = Digest::of("x");
        assert_eq!(digest.to_string().parse(), Ok(Reference::Digest(digest)));
        assert!(
            format!("sha512:{}", "0".repeat(128))
                .parse::<Reference>()
                .is_err()
        );
        assert!("sha256:abc".parse::<Reference>().is_err());
        assert!(matches!("v1.2-x_Y".parse(), Ok(Reference::Tag(_))));
    }

    #[test]
    fn an_images_name_asks_by_digest_before_tag() {
        let digest = Digest::of("x");
        let image: ImageRef = format!("localhost:8080/team/app:1@{digest}").parse().unwrap();
        assert_eq!(Repository::of(&image).as_str(), "team/app");
        assert_eq!(Reference::of(&image), Reference::Digest(digest));
        let image: ImageRef = "localhost:8080/team/app".parse().unwrap();
        assert_eq!(Reference::of(&image).to_string(), "latest");
    }
}
