//! The exact packages of a base, as `coracle.lock` keeps them.
//!
//! Suites and packages are one line of text each, so that the file stays short and its differences readable.

use std::fmt;
use std::str::FromStr;

use coracle_spec::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::recipe::{Kind, RECIPE_VERSION, Recipe};
use crate::release::{Arch, Part, Release};
use crate::version::Version;

/// The exact packages of a base. The same lock gives the same layers, on any machine and at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseLock {
    /// The version of the recipe that chose the packages and decides the layers' bytes.
    pub recipe: u32,
    /// The Debian release.
    pub release: Release,
    /// The architecture of the packages.
    pub arch: Arch,
    /// What the base is for.
    pub kind: Kind,
    /// The packages that were asked for.
    pub roots: Vec<String>,
    /// What the archive offered when the packages were chosen.
    pub suites: Vec<LockedSuite>,
    /// The packages of the lowest layer, which all bases of the release share.
    pub shared: Vec<LockedPackage>,
    /// The packages of the layer on top of it.
    pub packages: Vec<LockedPackage>,
}

/// A suite as it was: `NAME DATE SHA256 SHA256`, the hashes being those of `InRelease` and `Packages.xz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LockedSuite {
    /// The suite's code name.
    pub name: String,
    /// When the suite was published.
    pub date: Timestamp,
    /// The SHA-256 of its `InRelease` file.
    pub in_release: Digest,
    /// The SHA-256 of its list of packages.
    pub packages: Digest,
}

/// A package file: `NAME VERSION PART:PATH SIZE SHA256`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LockedPackage {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The tree of the archive that has it.
    pub(crate) part: Part,
    /// The path of the file in that tree.
    pub path: String,
    /// The size of the file in bytes.
    pub size: u64,
    /// The SHA-256 of the file.
    pub sha256: Digest,
}

/// Why a text is no line of a base's lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct InvalidLockLine {
    text: String,
    what: &'static str,
}

impl BaseLock {
    /// Answers whether the lock was made for `recipe`, by a recipe version that this program still has.
    pub fn answers(&self, recipe: &Recipe) -> bool {
        self.recipe == RECIPE_VERSION
            && (self.release, self.arch, self.kind) == (recipe.release, recipe.arch, recipe.kind)
            && self.roots == recipe.packages
    }

    /// Answers when the newest of the suites was published: the time for `SOURCE_DATE_EPOCH`.
    pub fn epoch(&self) -> Timestamp {
        self.suites
            .iter()
            .map(|suite| suite.date)
            .max()
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Answers the digest of everything that decides the base's content.
    pub fn digest(&self) -> Digest {
        Digest::of_value(&("debian-base", self.recipe, self.shared_key(), self.packages_key()))
    }

    /// Answers the size of the package files in bytes.
    pub fn download_size(&self) -> u64 {
        self.shared
            .iter()
            .chain(&self.packages)
            .map(|package| package.size)
            .sum()
    }

    /// Answers the key of the shared layer's content.
    pub(crate) fn shared_key(&self) -> Digest {
        Digest::of_value(&("debian-shared", self.recipe, self.release, hashes(&self.shared)))
    }

    /// Answers the key of the upper layer's content.
    pub(crate) fn packages_key(&self) -> Digest {
        Digest::of_value(&(
            "debian-packages",
            self.recipe,
            self.release,
            hashes(&self.packages),
        ))
    }
}

fn hashes(packages: &[LockedPackage]) -> Vec<Digest> {
    packages.iter().map(|package| package.sha256).collect()
}

impl fmt::Display for LockedSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.name,
            self.date,
            self.in_release.hex(),
            self.packages.hex()
        )
    }
}

impl FromStr for LockedSuite {
    type Err = InvalidLockLine;

    fn from_str(text: &str) -> Result<Self, InvalidLockLine> {
        let parse = || {
            let mut words = text.split(' ');
            let suite = Self {
                name: words.next().filter(|name| !name.is_empty())?.to_owned(),
                date: words.next()?.parse().ok()?,
                in_release: digest(words.next()?)?,
                packages: digest(words.next()?)?,
            };
            words.next().is_none().then_some(suite)
        };
        parse().ok_or_else(|| InvalidLockLine {
            text: text.to_owned(),
            what: "a suite: `NAME DATE SHA256 SHA256`",
        })
    }
}

impl fmt::Display for LockedPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            version,
            part,
            path,
            size,
            sha256,
        } = self;
        write!(
            f,
            "{name} {version} {}:{path} {size} {}",
            part.word(),
            sha256.hex()
        )
    }
}

impl FromStr for LockedPackage {
    type Err = InvalidLockLine;

    fn from_str(text: &str) -> Result<Self, InvalidLockLine> {
        let parse = || {
            let mut words = text.split(' ');
            let name = words.next().filter(|name| is_package_name(name))?.to_owned();
            let version = Version::new(words.next()?);
            let (part, path) = words.next()?.split_once(':')?;
            let package = Self {
                name,
                version,
                part: Part::from_word(part)?,
                path: crate::index::is_pool_path(path).then(|| path.to_owned())?,
                size: words.next()?.parse().ok()?,
                sha256: digest(words.next()?)?,
            };
            words.next().is_none().then_some(package)
        };
        parse().ok_or_else(|| InvalidLockLine {
            text: text.to_owned(),
            what: "a package: `NAME VERSION PART:PATH SIZE SHA256`",
        })
    }
}

/// Answers whether `name` is one that Debian Policy §5.6.1 allows; it becomes part of a path.
pub(crate) fn is_package_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
}

fn digest(hex: &str) -> Option<Digest> {
    format!("sha256:{hex}").parse().ok()
}

macro_rules! textual {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidLockLine;

            fn try_from(text: String) -> Result<Self, InvalidLockLine> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

textual!(LockedSuite);
textual!(LockedPackage);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn lock() -> BaseLock {
        let package = |name: &str| LockedPackage {
            name: name.to_owned(),
            version: Version::new("1:2.0-1"),
            part: Part::Security,
            path: format!("pool/main/{name}.deb"),
            size: 10,
            sha256: Digest::of(name),
        };
        BaseLock {
            recipe: RECIPE_VERSION,
            release: Release::Trixie,
            arch: Arch::Amd64,
            kind: Kind::Runtime,
            roots: vec!["python3".to_owned()],
            suites: vec![LockedSuite {
                name: "trixie".to_owned(),
                date: "2026-09-12T07:55:41Z".parse().expect("a time"),
                in_release: Digest::of("a"),
                packages: Digest::of("b"),
            }],
            shared: vec![package("libc6")],
            packages: vec![package("libstdc++6"), package("python3")],
        }
    }

    #[test]
    fn a_lock_survives_its_file_and_has_one_line_a_package() {
        let lock = lock();
        let text = toml::to_string(&lock).expect("serialises");
        assert_eq!(toml::from_str::<BaseLock>(&text).expect("parses"), lock, "{text}");
        let line = format!(
            "python3 1:2.0-1 security:pool/main/python3.deb 10 {}",
            Digest::of("python3").hex()
        );
        assert!(text.contains(&line), "{text}");
        assert!(text.contains("trixie 2026-09-12T07:55:41Z "), "{text}");
    }

    #[test]
    fn lines_that_could_lead_elsewhere_are_refused() {
        let hash = Digest::of("x").hex();
        for line in [
            format!("../x 1 main:pool/x.deb 1 {hash}"),
            format!("x 1 main:../x.deb 1 {hash}"),
            format!("x 1 main:/x.deb 1 {hash}"),
            format!("x 1 other:pool/x.deb 1 {hash}"),
            format!("x 1 main:pool/x.deb -1 {hash}"),
            format!("x 1 main:pool/x.deb 1 {hash} more"),
            "x 1 main:pool/x.deb 1 abc".to_owned(),
            String::new(),
        ] {
            assert!(line.parse::<LockedPackage>().is_err(), "{line}");
        }
    }

    #[test]
    fn a_lock_answers_its_own_recipe_only() {
        let lock = lock();
        let recipe = Recipe {
            release: Release::Trixie,
            arch: Arch::Amd64,
            kind: Kind::Runtime,
            packages: vec!["python3".to_owned()],
        };
        assert!(lock.answers(&recipe));
        assert!(!lock.answers(&Recipe {
            kind: Kind::Builder,
            ..recipe.clone()
        }));
        assert!(!lock.answers(&Recipe {
            packages: vec![],
            ..recipe.clone()
        }));
        assert!(
            !BaseLock {
                recipe: RECIPE_VERSION + 1,
                ..lock
            }
            .answers(&recipe)
        );
    }

    #[test]
    fn what_is_in_the_base_decides_its_digest_and_what_was_offered_does_not() {
        let lock = lock();
        assert_eq!(
            BaseLock {
                suites: vec![],
                roots: vec![],
                ..lock.clone()
            }
            .digest(),
            lock.digest()
        );
        assert_ne!(
            BaseLock {
                packages: vec![],
                ..lock.clone()
            }
            .digest(),
            lock.digest()
        );
        assert_ne!(
            BaseLock {
                shared: vec![],
                ..lock.clone()
            }
            .digest(),
            lock.digest()
        );
    }
}
