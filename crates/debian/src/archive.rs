//! Where the packages come from.

use std::path::Path;

use coracle_fetch::{FetchError, SafeUrl};
use coracle_spec::{Class, Failure};

use crate::apt_sources;
use crate::release::Part;

/// Where Debian's archive is: one or more mirrors, of which a later one is asked for what an earlier one lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    mirrors: Vec<Mirror>,
}

/// The addresses of the two trees of the archive on a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mirror {
    main: String,
    security: String,
}

/// Debian's own addresses, which lead to a near mirror. Plain HTTP: what is fetched is signed, and caches on the
/// way can help.
impl Default for Mirror {
    fn default() -> Self {
        Self {
            main: "http://deb.debian.org/debian".to_owned(),
            security: "http://deb.debian.org/debian-security".to_owned(),
        }
    }
}

/// Debian's own mirror.
impl Default for Archive {
    fn default() -> Self {
        Self {
            mirrors: vec![Mirror::default()],
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
    /// Answers the archive to use: the mirror that is set, and no other; else what the host's own APT uses, and
    /// Debian's for what is missing there, since a mirror may have the host's release only.
    ///
    /// `apt` is APT's configuration directory (`/etc/apt`); it may be missing.
    pub fn choose(mirror: Option<&str>, apt: &Path) -> Result<Self, InvalidMirror> {
        if let Some(mirror) = mirror {
            return Self::at(mirror);
        }
        let mut mirrors: Vec<_> = Mirror::of_apt(apt)
            .into_iter()
            .chain([Mirror::default()])
            .collect();
        mirrors.dedup();
        Ok(Self { mirrors })
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
        let security = format!("{main}-security");
        Ok(Self {
            mirrors: vec![Mirror { main, security }],
        })
    }

    /// Answers what `fetch` gets from the first mirror that has `path` of the tree `part`.
    pub(crate) fn first<T>(
        &self,
        part: Part,
        path: &str,
        mut fetch: impl FnMut(&str) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let mut urls = self
            .mirrors
            .iter()
            .map(|mirror| format!("{}/{path}", mirror.part(part)));
        let mut result = fetch(&urls.next().unwrap_or_default());
        for url in urls {
            match result {
                Err(error) if error.is_not_found() => result = fetch(&url),
                other => return other,
            }
        }
        result
    }
}

impl Mirror {
    /// Answers the mirror that APT uses, if its sources name both of Debian's trees.
    fn of_apt(apt: &Path) -> Option<Self> {
        let addresses = apt_sources::read(apt);
        let of = |tree: &str| addresses.iter().find(|address| address.ends_with(tree)).cloned();
        Some(Self {
            main: of("/debian")?,
            security: of("/debian-security")?,
        })
    }

    fn part(&self, part: Part) -> &str {
        match part {
            Part::Main => &self.main,
            Part::Security => &self.security,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(main: &str, security: &str) -> Archive {
        Archive {
            mirrors: vec![Mirror {
                main: main.to_owned(),
                security: security.to_owned(),
            }],
        }
    }

    #[test]
    fn a_mirror_is_named_with_or_without_its_path() {
        let expected = only(
            "https://mirror.example/pub/debian",
            "https://mirror.example/pub/debian-security",
        );
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
        let choose = |mirror| Archive::choose(mirror, apt.path()).expect("chosen");
        assert_eq!(choose(None), Archive::default());
        let list = "deb http://near.example/debian/ stable main\n";
        fs_err::write(apt.path().join("sources.list"), list).expect("writes");
        assert_eq!(choose(None), Archive::default(), "security updates are missing");
        fs_err::create_dir(apt.path().join("sources.list.d")).expect("makes");
        let sources = "Types: deb\nURIs: https://near.example/debian-security/\nSuites: x\n";
        fs_err::write(apt.path().join("sources.list.d/s.sources"), sources).expect("writes");
        let near = only(
            "http://near.example/debian",
            "https://near.example/debian-security",
        );
        assert_eq!(
            choose(None).mirrors,
            [near.mirrors, Archive::default().mirrors].concat()
        );
        let set = only("http://set.example/debian", "http://set.example/debian-security");
        assert_eq!(choose(Some("http://set.example")), set);
    }

    #[test]
    fn what_one_mirror_lacks_the_next_is_asked_for() {
        let mirrors = [only("http://a", "http://b"), only("http://c", "http://d")];
        let archive = Archive {
            mirrors: mirrors.into_iter().flat_map(|archive| archive.mirrors).collect(),
        };
        let missing = |url: &str| FetchError::NotFound(SafeUrl::of(url));
        let mut asked = Vec::new();
        let answer = archive.first(Part::Security, "x", |url| {
            asked.push(url.to_owned());
            if url.starts_with("http://d") {
                Ok(1)
            } else {
                Err(missing(url))
            }
        });
        assert_eq!(
            (answer.expect("found"), asked),
            (1, vec!["http://b/x".to_owned(), "http://d/x".to_owned()])
        );
        let nowhere = archive.first(Part::Main, "x", |url| Err::<(), _>(missing(url)));
        assert!(nowhere.expect_err("is nowhere").is_not_found());
        let broken = archive.first(Part::Main, "x", |url| match url {
            "http://a/x" => Err(FetchError::Cancelled(SafeUrl::of(url))),
            _ => Ok(()),
        });
        assert!(
            matches!(broken, Err(FetchError::Cancelled(_))),
            "only what is missing is looked for elsewhere"
        );
    }
}
