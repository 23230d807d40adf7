//! Who sent a body: the one whose secret it was signed with (HMAC-SHA256, RFC 2104).
//!
//! The body is signed as it comes, with every secret at once, since nothing says which one was used. All are compared
//! to their ends, so that neither which secret fits nor how much of a wrong signature is right can be measured.

use std::fmt;
use std::str::FromStr;

use coracle_spec::{Class, Failure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::tenant::Tenant;

/// A secret that bodies are signed with, and whose it is. Prints without it.
#[derive(Clone)]
pub struct PayloadKey {
    tenant: Tenant,
    mac: Hmac<Sha256>,
}

impl PayloadKey {
    /// Makes the key of a tenant. Space around the secret is no part of it, as all clients hold it.
    pub fn new(tenant: Tenant, secret: &str) -> Result<Self, EmptySecret> {
        match secret.trim() {
            "" => Err(EmptySecret(tenant)),
            secret => Ok(Self {
                mac: mac(secret),
                tenant,
            }),
        }
    }

    /// Answers whose it is.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

/// A key of any length is taken: RFC 2104 §2 hashes longer ones than a block.
fn mac(secret: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "the algorithm takes keys of every length")]
    Hmac::new_from_slice(secret.as_bytes()).expect("a key of any length")
}

impl fmt::Debug for PayloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadKey({})", self.tenant)
    }
}

/// A payload secret is empty, with which everybody could sign.
#[derive(Debug, thiserror::Error)]
#[error("the payload secret of tenant `{0}` is empty")]
pub struct EmptySecret(Tenant);

impl Failure for EmptySecret {
    fn class(&self) -> Class {
        Class::User
    }
}

/// Whose bodies are taken.
#[derive(Debug, Clone)]
pub enum Senders {
    /// Those who sign with one of these.
    Keys(Vec<PayloadKey>),
    /// Everybody's, as the default tenant's, signed or not.
    Anybody,
}

impl Senders {
    /// Begins to look at a body.
    pub fn verifier(&self) -> Verifier {
        match self {
            Self::Keys(keys) => Verifier::Keys(keys.clone()),
            Self::Anybody => Verifier::Anybody,
        }
    }

    /// Answers how many tenants there are.
    pub fn tenants(&self) -> usize {
        let Self::Keys(keys) = self else { return 1 };
        let names: std::collections::BTreeSet<_> = keys.iter().map(PayloadKey::tenant).collect();
        names.len()
    }
}

/// Looks at a body as it comes.
#[derive(Debug)]
pub enum Verifier {
    /// Signs it with each of these.
    Keys(Vec<PayloadKey>),
    /// Takes it.
    Anybody,
}

impl Verifier {
    /// Takes notice of a part of the body.
    pub fn update(&mut self, part: &[u8]) {
        if let Self::Keys(keys) = self {
            for key in keys {
                key.mac.update(part);
            }
        }
    }

    /// Answers who sent the body, given what its header `X-Build-Signature` says.
    pub fn sender(self, header: Option<&str>) -> Result<Tenant, SignatureError> {
        let Self::Keys(keys) = self else {
            return Ok(Tenant::default());
        };
        let signature: Signature = header.ok_or(SignatureError::Missing)?.parse()?;
        let fits = |sender: Option<Tenant>, key: PayloadKey| {
            let fits = key.mac.verify_slice(&signature.0).is_ok();
            sender.or_else(|| fits.then_some(key.tenant))
        };
        keys.into_iter().fold(None, fits).ok_or(SignatureError::Wrong)
    }
}

/// A signature as the header says it: `sha256=` and 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Signature(pub(super) [u8; 32]);

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let digits = text.trim().strip_prefix("sha256=").ok_or(SignatureError::Kind)?;
        let mut bytes = [0; 32];
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(SignatureError::Malformed);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| SignatureError::Malformed)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| SignatureError::Malformed)?;
        }
        Ok(Self(bytes))
    }
}

/// Why nobody sent a body who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is not signed.
    #[error("the header `X-Build-Signature` is missing")]
    Missing,
    /// It is signed in another way.
    #[error("the header `X-Build-Signature` does not begin with `sha256=`")]
    Kind,
    /// The signature is none.
    #[error("the header `X-Build-Signature` is not `sha256=` and 64 hexadecimal digits")]
    Malformed,
    /// It is signed with another secret, or was changed since.
    #[error("the signature does not fit the body: wrong payload secret, or the body was changed on its way")]
    Wrong,
}

impl Failure for SignatureError {
    fn class(&self) -> Class {
        Class::Denied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    const JEFE: &str = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    fn key(tenant: &str, secret: &str) -> PayloadKey {
        PayloadKey::new(tenant.parse().unwrap(), secret).unwrap()
    }

    fn sender(keys: &[PayloadKey], header: Option<&str>) -> Result<String, SignatureError> {
        let mut verifier = Senders::Keys(keys.to_vec()).verifier();
        for part in ["what do ya ", "want for nothing?"] {
            verifier.update(part.as_bytes());
        }
        verifier.sender(header).map(|tenant| tenant.to_string())
    }

    #[test]
    fn the_secret_that_fits_names_the_tenant() {
        let keys = [key("new", "other"), key("acme", " Jefe\n"), key("last", "x")];
        assert_eq!(sender(&keys, Some(JEFE)).unwrap(), "acme");
        assert_eq!(
            sender(&keys, Some(&JEFE.to_uppercase().replace("SHA", "sha"))).unwrap(),
            "acme"
        );
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let keys = [key("acme", "Jefe")];
        let cut = &JEFE[..70];
        let wrong = JEFE.replace("5bdc", "5bdd");
        for (header, error) in [
            (None, SignatureError::Missing),
            (Some("sha1=00"), SignatureError::Kind),
            (Some(""), SignatureError::Kind),
            (Some("sha256="), SignatureError::Malformed),
            (Some(cut), SignatureError::Malformed),
            (Some(&*wrong), SignatureError::Wrong),
        ] {
            assert_eq!(sender(&keys, header), Err(error), "{header:?}");
        }
        assert_eq!(
            sender(&[key("acme", "Jeff")], Some(JEFE)),
            Err(SignatureError::Wrong)
        );
    }

    #[test]
    fn anybody_is_the_default_tenant() {
        for header in [None, Some(""), Some(JEFE), Some("nonsense")] {
            let verifier = Senders::Anybody.verifier();
            assert_eq!(verifier.sender(header).unwrap(), Tenant::default());
        }
    }

    #[test]
    fn an_empty_secret_is_none() {
        assert!(PayloadKey::new(Tenant::default(), " \n").is_err());
    }
}
