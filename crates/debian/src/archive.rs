//! Where the packages come from.

use std::path::Path;

use coracle_fetch::SafeUrl;
use coracle_spec::{Class, Failure};

use crate::apt_sources;
use crate::release::Part;

/// The addresses of the two trees of Debian's archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    main: String,
    security: String,
}

/// Debian's own addresses, which lead to a near mirror. Plain HTTP: what is fetched is signed, and caches on the
/// way can help.
impl Default for Archive {
    fn default() -> Self {
        Self {
            main: "http://deb.debian.org/debian".to_owned(),
            security: "http://deb.debian.org/debian-security".to_owned(),
        }
    }
}

/// Why a text is no address of a mirror.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the address of a Debian mirror: expected `http://HOST/` or `http://HOST/PATH/debian`")]
pub struct InvalidMirror(SafeUrl);

impl Failure for InvalidMirror {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Archive {
    /// Answers the archive to use: the mirror that is set, else what the host's own APT uses, else Debian's.
    ///
    /// `apt` is APT's configuration directory (`/etc/apt`); it may be missing.
    pub fn choose(mirror: Option<&str>, apt: &Path) -> Result<Self, InvalidMirror> {
        match mirror {
            Some(mirror) => Self::at(mirror),
            None => Ok(Self::from_apt(apt).unwrap_or_default()),
        }
    }

    /// Answers the archive of a mirror: given `http://HOST` or `http://HOST/debian`, packages are looked for under
    /// `http://HOST/debian` and security updates under `http://HOST/debian-security`.
    pub fn at(mirror: &str) -> Result<Self, InvalidMirror> {
        let base = mirror.trim().trim_end_matches('/');
        let host = base
            .strip_prefix("http://")
            .or_else(|| base.strip_prefix("https://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/') || host.contains(['?', '#', ' ']))
        {
            return Err(InvalidMirror(SafeUrl::of(mirror)));
        }
        let main = if base.ends_with("/debian") {
            base.to_owned()
        } else {
            format!("{base}/debian")
        };
        Ok(Self {
            security: format!("{main}-security"),
            main,
        })
    }

    /// Answers the archive that APT uses, if its sources name both of Debian's trees.
    fn from_apt(apt: &Path) -> Option<Self> {
        let addresses = apt_sources::read(apt);
        let of = |tree: &str| addresses.iter().find(|address| address.ends_with(tree)).cloned();
        Some(Self {
            main: of("/debian")?,
            security: of("/debian-security")?,
        })
    }

    pub(crate) fn part(&self, part: Part) -> &str {
        match part {
            Part::Main => &self.main,
            Part::Security => &self.security,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_named_with_or_without_its_path() {
        let expected = Archive {
            main: "https://mirror.example/pub/debian".to_owned(),
            security: "https://mirror.example/pub/debian-security".to_owned(),
        };
        for text in [
            "https://mirror.example/pub",
            "https://mirror.example/pub/debian/",
            " https://mirror.example/pub/ ",
        ] {
            assert_eq!(Archive::at(text).expect("an address"), expected, "{text}");
        }
        for text in [
            "",
            "mirror.example",
            "ftp://x/debian",
            "http://",
            "http:///debian",
            "http://x/?a",
        ] {
            assert!(Archive::at(text).is_err(), "{text}");
        }
    }

    #[test]
    fn without_a_mirror_the_hosts_own_sources_count_and_then_debians() {
        let apt = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(
            Archive::choose(None, apt.path()).expect("chosen"),
            Archive::default()
        );
        let list = "deb http://near.example/debian/ stable main\n";
        fs_err::write(apt.path().join("sources.list"), list).expect("writes");
        assert_eq!(
            Archive::choose(None, apt.path()).expect("chosen"),
            Archive::default()
        );
        fs_err::create_dir(apt.path().join("sources.list.d")).expect("makes");
        let sources = "Types: deb\nURIs: https://near.example/debian-security/\nSuites: x\n";
        fs_err::write(apt.path().join("sources.list.d/s.sources"), sources).expect("writes");
        let near = Archive {
            main: "http://near.example/debian".to_owned(),
            security: "https://near.example/debian-security".to_owned(),
        };
        assert_eq!(Archive::choose(None, apt.path()).expect("chosen"), near);
        assert_ne!(
            Archive::choose(Some("http://set.example"), apt.path()).expect("chosen"),
            near
        );
    }
}
