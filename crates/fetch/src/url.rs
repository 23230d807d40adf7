//! Addresses as they may be shown.

use std::fmt;

/// An address that can be printed: without user name, password, query and fragment, which may carry secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct SafeUrl(String);

impl SafeUrl {
    /// Answers the printable part of `url`.
    pub fn of(url: &str) -> Self {
        let end = url.find(['?', '#']).unwrap_or(url.len());
        let (scheme, rest) = url[..end].split_once("://").unwrap_or(("", &url[..end]));
        let slash = rest.find('/').unwrap_or(rest.len());
        let host = rest[..slash]
            .rsplit_once('@')
            .map_or(&rest[..slash], |(_, host)| host);
        let separator = if scheme.is_empty() { "" } else { "://" };
        Self(format!("{scheme}{separator}{host}{}", &rest[slash..]))
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_in_an_address_is_not_shown() {
        for (url, shown) in [
            ("http://deb.debian.org/debian/x", "http://deb.debian.org/debian/x"),
            ("https://ada:s3cret@host:8443/a@b", "https://host:8443/a@b"),
            ("https://host/x?token=abc#y", "https://host/x"),
            ("ada:s3cret@host", "host"),
            ("", ""),
        ] {
            assert_eq!(SafeUrl::of(url).to_string(), shown);
        }
    }
}
