//! Which Debian: release, architecture, and the suites that make it up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A Debian release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Release {
    /// Debian 13.
    #[default]
    Trixie,
    /// Debian 12.
    Bookworm,
}

impl Release {
    /// Answers the code name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trixie => "trixie",
            Self::Bookworm => "bookworm",
        }
    }

    /// Answers the suites to read, in the order they appear in a lock.
    pub(crate) fn suites(self) -> [Suite; 3] {
        let name = self.name();
        [
            Suite {
                name: name.to_owned(),
                part: Part::Main,
            },
            Suite {
                name: format!("{name}-updates"),
                part: Part::Main,
            },
            Suite {
                name: format!("{name}-security"),
                part: Part::Security,
            },
        ]
    }
}

/// Why a text names no release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a Debian release this knows: expected `trixie` or `bookworm`")]
pub struct UnknownRelease(String);

impl FromStr for Release {
    type Err = UnknownRelease;

    fn from_str(text: &str) -> Result<Self, UnknownRelease> {
        [Self::Trixie, Self::Bookworm]
            .into_iter()
            .find(|release| release.name() == text)
            .ok_or_else(|| UnknownRelease(text.to_owned()))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A machine architecture, by Debian's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// `x86_64`.
    Amd64,
    /// `aarch64`.
    Arm64,
}

impl Arch {
    /// Answers the architecture this program runs on, if images can be made for it.
    pub fn of_host() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::Amd64),
            "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// Answers Debian's name, which is also OCI's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One suite: a set of packages with its own signed release file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) part: Part,
}

/// The part of the archive a file lies in; the two have separate addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    Main,
    Security,
}

impl Part {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Security => "security",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Main, Self::Security]
            .into_iter()
            .find(|part| part.word() == word)
    }
}
