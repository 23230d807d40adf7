//! Whom a build is for.

use std::fmt;
use std::str::FromStr;

use coracle_spec::{Class, Failure};

/// The longest name, in bytes.
const LONGEST: usize = 64;

/// A customer of the Function Builder API. Step caches, cache folders and registry credentials of one are never another's.
///
/// Its name is up to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or a digit: it is a name of files too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(String);

/// A text names no tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no tenant's name: expected up to 64 letters, digits, `.`, `_` and `-`")]
pub struct InvalidTenant(String);

impl Failure for InvalidTenant {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Tenant {
    /// Answers its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    /// Answers the only tenant of a server that knows of no others.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tenant {
    type Err = InvalidTenant;

    fn from_str(text: &str) -> Result<Self, InvalidTenant> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let first = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        if first && text.len() <= LONGEST && text.bytes().all(inner) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTenant(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_a_name_that_a_file_could_have() {
        for good in ["acme", "payload-secret", "a.b_c-1", "7"] {
            assert_eq!(good.parse::<Tenant>().unwrap().to_string(), good);
        }
        for bad in ["", ".", "..", "-a", "a/b", "a b", "ü", &"a".repeat(65)] {
            assert!(bad.parse::<Tenant>().is_err(), "{bad}");
        }
    }
}
