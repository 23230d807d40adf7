//! Somebody who signs archives: a primary key with a signing subkey, like Debian's.

use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, KeyType, SecretKeyParamsBuilder, SignedPublicKey, SignedSecretKey,
    SubkeyParamsBuilder,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{Duration, KeyDetails, Password, SigningKey, Tag, Timestamp};

/// When the keys were made: 2025-01-01, in seconds since 1970.
pub(crate) const MADE: u32 = 1_735_689_600;

/// When keys are changed: later than the library certifies them, which is now.
const CHANGED: u32 = MADE + 20 * 365 * 24 * 60 * 60;

/// A signer and what the world knows of its keys.
#[derive(Clone)]
pub(crate) struct Signer {
    secret: SignedSecretKey,
    public: SignedPublicKey,
}

/// With which key to sign.
#[derive(Clone, Copy)]
pub(crate) enum With {
    Primary,
    Subkey,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let made = Timestamp::from_secs(MADE);
        let mut subkey = SubkeyParamsBuilder::default();
        subkey
            .key_type(KeyType::Ed25519Legacy)
            .can_sign(true)
            .created_at(made);
        let mut key = SecretKeyParamsBuilder::default();
        key.key_type(KeyType::Ed25519Legacy)
            .can_sign(true)
            .can_certify(true)
            .created_at(made)
            .primary_user_id("archive".to_owned())
            .subkeys(vec![subkey.build().expect("a subkey")]);
        let secret = key
            .build()
            .expect("a key")
            .generate(rand_for_pgp::thread_rng())
            .expect("generates");
        Self {
            public: secret.to_public_key(),
            secret,
        }
    }

    /// Answers the public key in binary form.
    pub(crate) fn key(&self) -> Vec<u8> {
        self.public.to_bytes().expect("serialises")
    }

    /// Signs `text` at a time, in seconds since 1970.
    pub(crate) fn sign(&self, text: &str, with: With, at: u32) -> String {
        let primary = &self.secret.primary_key;
        let subkey = &self.secret.secret_subkeys[0].key;
        let message = match with {
            With::Primary => message(text, primary, at),
            With::Subkey => message(text, subkey, at),
        };
        message
            .to_armored_string(ArmorOptions::default())
            .expect("armours")
    }

    /// Lets the primary key end so many seconds after it was made.
    pub(crate) fn expiring_after(mut self, seconds: u32) -> Self {
        let expiry = SubpacketData::KeyExpirationTime(Duration::from_secs(seconds));
        let config = config(
            &self.secret.primary_key,
            SignatureType::CertPositive,
            vec![expiry],
        );
        let user = &mut self.public.details.users[0];
        let certification = config.sign_certification(
            &self.secret.primary_key,
            self.secret.primary_key.public_key(),
            &Password::empty(),
            Tag::UserId,
            &user.id,
        );
        user.signatures.push(certification.expect("certifies"));
        self
    }

    /// Revokes the primary key.
    pub(crate) fn revoked(mut self) -> Self {
        let key = &self.secret.primary_key;
        let config = config(key, SignatureType::KeyRevocation, Vec::new());
        let revocation = config.sign_key(key, &Password::empty(), key.public_key());
        self.public
            .details
            .revocation_signatures
            .push(revocation.expect("revokes"));
        self
    }

    /// Revokes the subkey.
    pub(crate) fn with_revoked_subkey(mut self) -> Self {
        let key = &self.secret.primary_key;
        let config = config(key, SignatureType::SubkeyRevocation, Vec::new());
        let subkey = &mut self.public.public_subkeys[0];
        let revocation = config.sign_subkey_binding(key, key.public_key(), &Password::empty(), &subkey.key);
        subkey.signatures.push(revocation.expect("revokes"));
        self
    }

    /// Puts the subkey of `other` under this primary key, with the bindings that `other` made.
    pub(crate) fn with_subkey_of(mut self, other: &Self) -> Self {
        self.public
            .public_subkeys
            .clone_from(&other.public.public_subkeys);
        self.secret
            .secret_subkeys
            .clone_from(&other.secret.secret_subkeys);
        self
    }
}

fn message(text: &str, key: &impl SigningKey, at: u32) -> CleartextSignedMessage {
    let mut config = config(key, SignatureType::Text, Vec::new());
    config.hashed_subpackets = subpackets(key, at, Vec::new());
    CleartextSignedMessage::new(text, config, key, &Password::empty()).expect("signs")
}

fn config(key: &impl SigningKey, kind: SignatureType, more: Vec<SubpacketData>) -> SignatureConfig {
    let mut config = SignatureConfig::v4(kind, key.algorithm(), HashAlgorithm::Sha256);
    config.hashed_subpackets = subpackets(key, CHANGED, more);
    config
}

fn subpackets(key: &impl KeyDetails, at: u32, more: Vec<SubpacketData>) -> Vec<Subpacket> {
    [
        SubpacketData::SignatureCreationTime(Timestamp::from_secs(at)),
        SubpacketData::IssuerFingerprint(key.fingerprint()),
    ]
    .into_iter()
    .chain(more)
    .map(|data| Subpacket::regular(data).expect("a subpacket"))
    .collect()
}
