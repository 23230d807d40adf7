//! Where images of a registry are looked for before the registry itself is asked.

use std::collections::BTreeMap;
use std::str::FromStr;

use coracle_spec::{Class, Failure};

use crate::endpoint::Endpoint;

/// The registry that stands for each one.
const ANY: &str = "*";

/// The mirrors of registries, in the order in which they are asked.
///
/// As text: `docker.io=https://mirror.example,docker.io=http://127.0.0.1:5000,*=https://cache.example/all`. A mirror
/// without a scheme is reached as any registry is; a path goes before the repository. The registry `*` is each one that
/// has no mirror of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mirrors(BTreeMap<String, Vec<Endpoint>>);

/// A text names no mirrors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no mirror: expected `REGISTRY=URL`, such as `docker.io=https://mirror.example`")]
pub struct InvalidMirrors(String);

impl Failure for InvalidMirrors {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Mirrors {
    /// Answers the mirrors of `registry`.
    pub(crate) fn of(&self, registry: &str) -> &[Endpoint] {
        let mirrors = self.0.get(registry).or_else(|| self.0.get(ANY));
        mirrors.map_or(&[], Vec::as_slice)
    }
}

impl FromStr for Mirrors {
    type Err = InvalidMirrors;

    fn from_str(text: &str) -> Result<Self, InvalidMirrors> {
        let mut mirrors = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (registry, mirror) = parse(entry).ok_or_else(|| InvalidMirrors(shown(entry)))?;
            mirrors.0.entry(registry).or_default().push(mirror);
        }
        Ok(mirrors)
    }
}

fn parse(entry: &str) -> Option<(String, Endpoint)> {
    let (registry, url) = entry.split_once('=')?;
    let registry = registry.trim();
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | ':' | '[' | ']');
    let known = registry == ANY || (!registry.is_empty() && registry.chars().all(plain));
    let mirror = Endpoint::mirror(url.trim())?;
    known.then(|| (registry.to_owned(), mirror))
}

/// Answers an entry without what may be secret in it.
fn shown(entry: &str) -> String {
    match entry.split_once('=') {
        Some((registry, url)) => format!("{registry}={}", coracle_fetch::SafeUrl::of(url)),
        None => coracle_fetch::SafeUrl::of(entry).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_asked_in_the_order_in_which_they_are_named() {
        let mirrors: Mirrors =
            "docker.io=https://a.example, docker.io=http://127.0.0.1:5000/hub/,*=b.example:5000,"
                .parse()
                .unwrap();
        let named = |registry: &str| -> Vec<String> {
            mirrors.of(registry).iter().map(ToString::to_string).collect()
        };
        assert_eq!(named("docker.io"), ["a.example", "127.0.0.1:5000/hub"]);
        assert_eq!(named("ghcr.io"), ["b.example:5000"]);
        assert!(Mirrors::default().of("ghcr.io").is_empty());
    }

    #[test]
    fn what_names_no_mirror_is_refused_without_its_secrets() {
        for text in [
            "docker.io",
            "docker.io=",
            "=https://a.example",
            "a b=https://a.example",
            "docker.io=ftp://a.example",
            "docker.io=https://",
            "docker.io=https://a b",
            "docker.io=https://me:sesame@a.example",
        ] {
            let error = text.parse::<Mirrors>().unwrap_err().to_string();
            assert!(!error.contains("sesame"), "{error}");
        }
    }
}
