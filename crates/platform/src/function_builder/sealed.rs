//! Secrets that a client sealed for this server: the file `com.openfaas.secrets`, an envelope of boxes as
//! `NaCl` makes them (`crypto_box`: Curve25519, Salsa20 and Poly1305), each value in a box of its own with its nonce before it.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coracle_spec::{Class, Failure};
use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use serde::Deserialize;

/// The only algorithm.
pub const ALGORITHM: &str = "nacl/box";
const VERSION: &str = "v1";
/// The length of a key, in bytes.
const KEY: usize = 32;
/// The length of a nonce, in bytes.
const NONCE: usize = 24;
/// How much of the public key's text is its id.
const ID: usize = 8;

/// The server's key that secrets are sealed for. Prints without it.
#[derive(Clone)]
pub struct SealingKey {
    secret: SecretKey,
    public: String,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id())
    }
}

/// A file holds no key.
#[derive(Debug, thiserror::Error)]
#[error("it is not the base64 text of {KEY} bytes")]
pub struct InvalidSealingKey;

impl Failure for InvalidSealingKey {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("make one with `faas-cli secret keygen`, or `head -c32 /dev/urandom | base64`".to_owned())
    }
}

impl SealingKey {
    /// Reads a private key: the base64 text of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidSealingKey> {
        let secret = SecretKey::from(key(text).ok_or(InvalidSealingKey)?);
        let public = STANDARD.encode(secret.public_key().as_bytes());
        Ok(Self { secret, public })
    }

    /// Answers the public key, in base64.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Answers the public key's id: its first eight characters.
    pub fn id(&self) -> &str {
        self.public.get(..ID).unwrap_or_default()
    }

    /// Opens an envelope.
    pub(super) fn open(&self, envelope: &str) -> Result<BTreeMap<String, Vec<u8>>, SealedError> {
        let envelope: Envelope = serde_saphyr::from_str(envelope).map_err(|_| SealedError::Yaml)?;
        envelope.check(self.id())?;
        let sender = key(&envelope.public_key).ok_or(SealedError::Sender)?;
        let opener = SalsaBox::new(&PublicKey::from(sender), &self.secret);
        let open = |(name, value): (String, String)| match opened(&opener, &value) {
            Some(value) => Ok((name, value)),
            None => Err(SealedError::Value { name }),
        };
        envelope.secrets.into_iter().map(open).collect()
    }
}

fn key(text: &str) -> Option<[u8; KEY]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

fn opened(opener: &SalsaBox, value: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(value.trim()).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
    opener.decrypt(crypto_box::Nonce::from_slice(nonce), sealed).ok()
}

/// The envelope as it is written.
#[derive(Deserialize)]
struct Envelope {
    version: String,
    algorithm: String,
    #[serde(default)]
    key_id: Option<String>,
    public_key: String,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

impl Envelope {
    fn check(&self, own: &str) -> Result<(), SealedError> {
        if self.version != VERSION {
            return Err(SealedError::Version(self.version.clone()));
        }
        if self.algorithm != ALGORITHM {
            return Err(SealedError::Algorithm(self.algorithm.clone()));
        }
        match self.key_id.as_deref() {
            None | Some("") => Ok(()),
            Some(id) if id == own => Ok(()),
            Some(id) => Err(SealedError::OtherKey {
                id: id.to_owned(),
                own: own.to_owned(),
            }),
        }
    }
}

/// Why sealed secrets cannot be opened. No part of a secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// It is no envelope.
    #[error("`com.openfaas.secrets` is no envelope of sealed secrets")]
    Yaml,
    /// Its version is another.
    #[error("`com.openfaas.secrets` is of version `{0}`, only `v1` is known")]
    Version(String),
    /// Its algorithm is another.
    #[error("`com.openfaas.secrets` is sealed by `{0}`, only `nacl/box` is known")]
    Algorithm(String),
    /// It is sealed for another key.
    #[error(
        "the build secrets are sealed for the key `{id}`, this server has `{own}`: get it from `/publickey`"
    )]
    OtherKey {
        /// The key's id in the envelope.
        id: String,
        /// The server's key's id.
        own: String,
    },
    /// The sender's key is none.
    #[error("the `public_key` in `com.openfaas.secrets` is not the base64 text of 32 bytes")]
    Sender,
    /// A value cannot be opened.
    #[error("the build secret `{name}` cannot be opened: it was sealed for another key, or is damaged")]
    Value {
        /// The secret's name.
        name: String,
    },
}

impl Failure for SealedError {
    fn class(&self) -> Class {
        Class::User
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> SealingKey {
        SealingKey::parse(&format!(" {}\n", STANDARD.encode([7; KEY]))).unwrap()
    }

    fn envelope(change: impl Fn(String) -> String) -> Result<BTreeMap<String, Vec<u8>>, SealedError> {
        let sender = SecretKey::from([9; KEY]);
        let maker = SalsaBox::new(&server().secret.public_key(), &sender);
        let sealed = maker.encrypt(&[3; NONCE].into(), &b"hunter2\n"[..]).unwrap();
        let text = format!(
            "version: v1\nalgorithm: nacl/box\nkey_id: {}\npublic_key: {}\nsecrets:\n  npm: {}\n",
            server().id(),
            STANDARD.encode(sender.public_key().as_bytes()),
            STANDARD.encode([&[3; NONCE][..], &sealed].concat())
        );
        server().open(&change(text))
    }

    #[test]
    fn an_envelope_is_opened_with_or_without_the_keys_id() {
        let opened = envelope(|text| text).unwrap();
        assert_eq!(opened["npm"], b"hunter2\n");
        envelope(|text| text.replace(&format!("key_id: {}\n", server().id()), "")).unwrap();
    }

    #[test]
    fn each_damage_is_told_without_a_secret() {
        let swap =
            |from: &'static str, to: &'static str| envelope(move |text| text.replace(from, to)).unwrap_err();
        assert_eq!(swap("v1", "v2"), SealedError::Version("v2".to_owned()));
        assert!(matches!(swap("nacl/box", "age"), SealedError::Algorithm(_)));
        assert_eq!(swap("public_key: ", "public_key: AA"), SealedError::Sender);
        assert!(matches!(swap("npm: Aw", "npm: Bw"), SealedError::Value { .. }));
        assert_eq!(swap("version", "- x"), SealedError::Yaml);
        let other = envelope(|text| text.replace(server().id(), "deadbeef")).unwrap_err();
        assert!(
            other.to_string().contains("sealed for the key `deadbeef`"),
            "{other}"
        );
    }

    #[test]
    fn only_32_bytes_are_a_key_and_its_text_is_never_shown() {
        for bad in ["", "AAAA", "not base64"] {
            assert!(SealingKey::parse(bad).is_err());
        }
        assert_eq!(server().id().len(), ID);
        assert!(!format!("{:?}", server()).contains(&STANDARD.encode([7; KEY])));
    }
}
