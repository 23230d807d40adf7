//! Image references, as Docker and everything after it read them: `alpine`, `team/app:1.2`,
//! `registry.example.com:5000/team/app:1.2@sha256:…` (the grammar of `distribution/reference`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Class, Digest, Failure};

const DEFAULT_REGISTRY: &str = "docker.io";
const OFFICIAL: &str = "library";
const DEFAULT_TAG: &str = "latest";
/// The longest repository with its registry, in bytes.
const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;

/// The name of an image in a registry, complete: what was left out is filled in as Docker does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {reason}")]
pub struct InvalidReference {
    text: String,
    reason: &'static str,
}

impl InvalidReference {
    pub(crate) fn of(text: &str, reason: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            reason,
        }
    }
}

impl Failure for InvalidReference {
    fn class(&self) -> Class {
        Class::User
    }
}

impl ImageRef {
    /// Answers the registry's host, with its port if it has one: `docker.io` when none was given.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Answers the repository in the registry: `library/alpine` for Docker's `alpine`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Answers the tag, if one was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Answers the tag, `latest` when none was given.
    pub fn tag_or_latest(&self) -> &str {
        self.tag().unwrap_or(DEFAULT_TAG)
    }

    /// Answers the digest, if one was given. It goes before the tag.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Answers the complete name with a tag and without a digest: `docker.io/library/alpine:latest`.
    pub fn full_name(&self) -> String {
        format!("{}/{}:{}", self.registry, self.repository, self.tag_or_latest())
    }

    /// Answers the name with a tag as Docker shows it: `alpine:latest`.
    pub fn familiar_name(&self) -> String {
        format!("{}:{}", self.familiar_repository(), self.tag_or_latest())
    }

    /// Answers the name that stands for it alone: with a tag, `latest` when none was given, or with its digest.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let tag = match (&self.tag, &self.digest) {
            (None, Some(_)) => None,
            _ => Some(self.tag_or_latest().to_owned()),
        };
        Self {
            digest: self.digest.filter(|_| tag.is_none()),
            tag,
            ..self.clone()
        }
    }

    fn familiar_repository(&self) -> String {
        if self.registry != DEFAULT_REGISTRY {
            return format!("{}/{}", self.registry, self.repository);
        }
        let official = self
            .repository
            .strip_prefix("library/")
            .filter(|rest| !rest.contains('/'));
        official.unwrap_or(&self.repository).to_owned()
    }
}

impl FromStr for ImageRef {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        parse(text).map_err(|reason| InvalidReference {
            text: text.to_owned(),
            reason,
        })
    }
}

impl TryFrom<String> for ImageRef {
    type Error = InvalidReference;

    fn try_from(text: String) -> Result<Self, InvalidReference> {
        text.parse()
    }
}

impl From<ImageRef> for String {
    fn from(reference: ImageRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.familiar_repository())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<ImageRef, &'static str> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (
            rest,
            Some(
                digest
                    .parse()
                    .map_err(|_| "what follows `@` is no SHA-256 digest")?,
            ),
        ),
        None => (text, None),
    };
    let (name, tag) = split_tag(rest);
    let (registry, repository) = split_registry(name);
    if !is_registry(registry) {
        return Err("its registry is no host name");
    }
    if !is_repository(repository) {
        return Err(
            "a repository is lower-case letters and digits, with single `.`, `_`, `__` or dashes between them",
        );
    }
    if registry.len() + repository.len() > MAX_NAME {
        return Err("it is longer than 255 characters");
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(
            "a tag is up to 128 letters, digits, `_`, `.` and `-`, and starts with none of the last two",
        );
    }
    let repository = if registry == DEFAULT_REGISTRY && !repository.contains('/') {
        format!("{OFFICIAL}/{repository}")
    } else {
        repository.to_owned()
    };
    Ok(ImageRef {
        registry: registry.to_owned(),
        repository,
        tag: tag.map(str::to_owned),
        digest,
    })
}

/// Splits at the colon of the last part: one before a slash belongs to a port.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

/// Takes the first part for a registry when it cannot be one of a repository: it has a dot, a port or capitals, or
/// is `localhost`.
fn split_registry(name: &str) -> (&str, &str) {
    let looks_like_host = |part: &str| {
        part.contains(['.', ':']) || part == "localhost" || part.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    match name.split_once('/') {
        Some((first, rest)) if looks_like_host(first) => (canonical(first), rest),
        _ => (DEFAULT_REGISTRY, name),
    }
}

fn canonical(registry: &str) -> &str {
    if registry == "index.docker.io" {
        DEFAULT_REGISTRY
    } else {
        registry
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
            ("ipv6", rest.strip_prefix(':'))
        }
        Some(_) => return false,
        None => text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port))),
    };
    host.split('.').all(is_label) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

/// Answers whether `text` is the name of a repository in a registry (OCI distribution specification 1.1, "Pulling
/// manifests"), of whatever length.
pub fn is_repository(text: &str) -> bool {
    text.split('/').all(is_part)
}

fn is_part(part: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_separator = |text: &str| matches!(text, "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    part.bytes().next().is_some_and(is_word)
        && part.bytes().last().is_some_and(is_word)
        && part
            .split(|char: char| char.is_ascii_lowercase() || char.is_ascii_digit())
            .all(is_separator)
}

/// Answers whether `tag` is a tag (OCI distribution specification 1.1, "Pulling manifests").
pub fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=MAX_TAG).contains(&tag.len())
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ImageRef {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_left_out_is_filled_in_as_docker_does() {
        for (text, full, familiar) in [
            ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"),
            ("team/app", "docker.io/team/app:latest", "team/app:latest"),
            (
                "docker.io/alpine",
                "docker.io/library/alpine:latest",
                "alpine:latest",
            ),
            (
                "index.docker.io/library/alpine",
                "docker.io/library/alpine:latest",
                "alpine:latest",
            ),
            ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
            (
                "localhost:5000/app",
                "localhost:5000/app:latest",
                "localhost:5000/app:latest",
            ),
            (
                "ghcr.io/a/b__c-d.e:v1.2-x",
                "ghcr.io/a/b__c-d.e:v1.2-x",
                "ghcr.io/a/b__c-d.e:v1.2-x",
            ),
            ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        ] {
            assert_eq!(read(text).full_name(), full, "{text}");
            assert_eq!(read(text).familiar_name(), familiar, "{text}");
        }
    }

    #[test]
    fn a_digest_stands_beside_a_tag() {
        let digest = Digest::of("x");
        let reference = read(&format!("ghcr.io/a/b:1@{digest}"));
        assert_eq!(reference.tag(), Some("1"));
        assert_eq!(reference.digest(), Some(&digest));
        assert_eq!(reference.to_string(), format!("ghcr.io/a/b:1@{digest}"));
    }

    #[test]
    fn what_no_registry_takes_is_refused() {
        let long = "a".repeat(300);
        for text in [
            "",
            ":tag",
            "Alpine",
            "a//b",
            "/a",
            "a/",
            "a:",
            "a:-x",
            "a b",
            "a@sha256:12",
            "a..b",
            "a___b",
            "-a",
            "host.com:port/a",
            "http://a.b/c",
            "a:ü",
            "-x.com/a",
            "[zz]/a",
            &long,
        ] {
            assert!(text.parse::<ImageRef>().is_err(), "{text}");
        }
    }
}
