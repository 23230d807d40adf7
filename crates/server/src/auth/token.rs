//! Tokens of the registry: for an hour, what their bearer may do there.
//!
//! They say it themselves, under a key made of the administrator's password: nothing is kept, a restart changes nothing,
//! and a new password ends them all. They open nothing but the registry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coracle_registry::Access;
use ring::hmac;

use super::Secrets;

/// How long a token is good for.
pub(crate) const LIFETIME: Duration = Duration::from_hours(1);

const PURPOSE: &str = "registry token 1";

/// What a token grants, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    access: Access,
    /// In seconds since 1970.
    until: u64,
}

impl Grant {
    /// Grants something from now on.
    pub(crate) fn now(access: Access) -> Self {
        Self {
            access,
            until: seconds() + LIFETIME.as_secs(),
        }
    }

    /// Writes it as a token.
    pub(crate) fn sealed(&self, secrets: &Secrets) -> String {
        let text = self.text();
        let tag = hmac::sign(&secrets.key(PURPOSE), text.as_bytes());
        format!("{text}.{}", hex(tag.as_ref()))
    }

    /// Reads a token; `None` when it is none of these secrets', or too old.
    pub(crate) fn opened(token: &str, secrets: &Secrets) -> Option<Access> {
        let (text, tag) = token.rsplit_once('.')?;
        let grant = Self::read(text)?;
        let tag = unhex(tag)?;
        hmac::verify(&secrets.key(PURPOSE), text.as_bytes(), &tag).ok()?;
        (grant.until > seconds()).then_some(grant.access)
    }

    fn text(&self) -> String {
        format!("{}.{}", word(self.access), self.until)
    }

    fn read(text: &str) -> Option<Self> {
        let (name, until) = text.split_once('.')?;
        let access = [Access::Full, Access::Pull]
            .into_iter()
            .find(|access| word(*access) == name)?;
        Some(Self {
            access,
            until: until.parse().ok()?,
        })
    }
}

fn word(access: Access) -> &'static str {
    match access {
        Access::Full => "full",
        Access::Pull => "pull",
    }
}

fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_it_grants_and_no_other_text_does() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::of(folder.path()).unwrap();
        let pull = Grant::now(Access::Pull).sealed(&secrets);
        assert_eq!(Grant::opened(&pull, &secrets), Some(Access::Pull));
        let full = Grant::now(Access::Full).sealed(&secrets);
        assert_eq!(Grant::opened(&full, &secrets), Some(Access::Full));
        let promoted = pull.replace("pull", "full");
        for wrong in [
            "",
            ".",
            "full",
            "full.99999999999.",
            &promoted,
            &pull[1..],
            "full.99999999999.zz",
        ] {
            assert_eq!(Grant::opened(wrong, &secrets), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_ends_with_its_time_and_with_the_password() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secrets = Secrets::of(folder.path()).unwrap();
        let old = Grant {
            access: Access::Full,
            until: seconds() - 1,
        };
        assert_eq!(Grant::opened(&old.sealed(&secrets), &secrets), None);
        let changed = Secrets::of(other.path()).unwrap();
        let token = Grant::now(Access::Full).sealed(&secrets);
        assert_eq!(Grant::opened(&token, &changed), None);
    }
}
