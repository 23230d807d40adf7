//! The keys that Debian's release files must be signed with, and the check itself.
//!
//! The keys are part of the program: what a machine's own keyring says does not matter, and neither does the
//! web of trust, whose certifications the keys also carry (`rpgp`'s own check of a whole key fails on those).
//! Checked here: the key's own certification, the binding of its subkeys in both directions, expiry and revocation
//! of each, and the signature over the text.

use jiff::Timestamp;
use pgp::composed::{CleartextSignedMessage, Deserializable, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PublicKey, PublicSubkey, Signature, SignatureType};
use pgp::types::{KeyDetails, Tag};

/// Debian's keys, from its package `debian-archive-keyring`, by the fingerprints they must have.
const PINNED: [(&str, &[u8]); 6] = [
    (
        "04b54c3cdca79751b16bc6b5225629df75b188bd",
        include_bytes!("../keys/debian-archive-trixie-automatic.gpg"),
    ),
    (
        "5e04a1e3223a19a20706e20f9904613d4cce68c6",
        include_bytes!("../keys/debian-archive-trixie-security-automatic.gpg"),
    ),
    (
        "41587f7db8c774bccf131416762f67a0b2c39de4",
        include_bytes!("../keys/debian-archive-trixie-stable.gpg"),
    ),
    (
        "b8b80b5b623eab6ad8775c45b7c5d7d6350947f8",
        include_bytes!("../keys/debian-archive-bookworm-automatic.gpg"),
    ),
    (
        "05ab90340c0c5e797f44a8c8254cf3b5aec0a8f0",
        include_bytes!("../keys/debian-archive-bookworm-security-automatic.gpg"),
    ),
    (
        "4d64fec119c2029067d6e791f8d2585b8783d481",
        include_bytes!("../keys/debian-archive-bookworm-stable.gpg"),
    ),
];

/// How far ahead of this machine's clock a signature may be, in seconds: clocks differ.
const CLOCK_SKEW: i64 = 24 * 60 * 60;

/// Keys that are trusted to sign release files.
#[derive(Debug, Clone)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

/// Why bytes are no keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The bytes are no `OpenPGP` keys.
    #[error("cannot read the keyring")]
    Malformed(#[source] Box<pgp::errors::Error>),
    /// A key is not the one that it should be.
    #[error("the keyring holds the key `{found}` where `{expected}` belongs")]
    Fingerprint {
        /// The fingerprint that was expected.
        expected: String,
        /// The fingerprint that was found.
        found: String,
    },
}

/// Why a signed text is not believed.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The text is not in the form of a signed text, or has something before or after the signed part.
    #[error("it is not a signed text with nothing around it")]
    Malformed(#[source] Option<Box<pgp::errors::Error>>),
    /// No signature on it is by a key that is trusted, valid now, and matches the text.
    #[error("none of its {0} signatures is a valid one by a trusted key")]
    Untrusted(usize),
}

impl Keyring {
    /// Answers Debian's keys.
    pub fn pinned() -> Result<Self, KeyringError> {
        let mut keyring = Self { keys: Vec::new() };
        for (expected, bytes) in PINNED {
            let key = Self::from_bytes(bytes)?;
            let found = key
                .keys
                .first()
                .map(|key| key.fingerprint().to_string())
                .unwrap_or_default();
            if found != expected || key.keys.len() != 1 {
                return Err(KeyringError::Fingerprint {
                    expected: expected.to_owned(),
                    found,
                });
            }
            keyring.keys.extend(key.keys);
        }
        Ok(keyring)
    }

    /// Reads keys in `OpenPGP`'s binary form, for an archive that signs with its own.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyringError> {
        let malformed = |error| KeyringError::Malformed(Box::new(error));
        let keys = SignedPublicKey::from_bytes_many(bytes).map_err(malformed)?;
        Ok(Self {
            keys: keys.collect::<Result<_, _>>().map_err(malformed)?,
        })
    }

    /// Answers the text that `message` signs, with single line feeds, if a key that is valid at `now` signed it.
    pub(crate) fn verify(&self, message: &[u8], now: Timestamp) -> Result<String, SignatureError> {
        let text = std::str::from_utf8(message).map_err(|_| SignatureError::Malformed(None))?;
        let (message, _) = CleartextSignedMessage::from_string(text)
            .map_err(|error| SignatureError::Malformed(Some(Box::new(error))))?;
        let signed = message.signed_text();
        let believed = message
            .signatures()
            .iter()
            .filter(|signature| is_current(signature, now))
            .any(|signature| {
                self.keys
                    .iter()
                    .any(|key| signed_by(key, signature, signed.as_bytes(), now))
            });
        if believed {
            Ok(signed.replace("\r\n", "\n"))
        } else {
            Err(SignatureError::Untrusted(message.signatures().len()))
        }
    }
}

/// Answers whether a signature is of a kind and age that counts.
fn is_current(signature: &Signature, now: Timestamp) -> bool {
    let strong = matches!(
        signature.hash_alg(),
        Some(HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512)
    );
    let on_text = matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary));
    let lifetime = signature
        .signature_expiration_time()
        .map(pgp::types::Duration::as_secs);
    let created = signature.created().map(|created| i64::from(created.as_secs()));
    let timely = created.is_some_and(|created| {
        created <= now.as_second() + CLOCK_SKEW && !is_over(created, lifetime, now.as_second())
    });
    strong && on_text && timely
}

/// Answers whether `key`, or a subkey of it, made the signature over `text`.
fn signed_by(key: &SignedPublicKey, signature: &Signature, text: &[u8], now: Timestamp) -> bool {
    if !is_valid(key, signature, now) {
        return false;
    }
    let primary = &key.primary_key;
    (is_issuer(primary, signature) && signature.verify(primary, text).is_ok())
        || key.public_subkeys.iter().any(|subkey| {
            is_issuer(&subkey.key, signature)
                && may_sign(primary, subkey, now)
                && signature.verify(&subkey.key, text).is_ok()
        })
}

/// Answers whether the primary key vouches for itself, is not revoked, and was valid when `signature` was made and
/// is now.
fn is_valid(key: &SignedPublicKey, signature: &Signature, now: Timestamp) -> bool {
    let candidate = is_issuer(&key.primary_key, signature)
        || key
            .public_subkeys
            .iter()
            .any(|subkey| is_issuer(&subkey.key, signature));
    if !candidate || !key.details.revocation_signatures.is_empty() {
        return false;
    }
    let newest = self_certifications(key).max_by_key(|certification| certification.created());
    let created = i64::from(key.primary_key.created_at().as_secs());
    newest.is_some_and(|newest| {
        let lifetime = newest.key_expiration_time().map(pgp::types::Duration::as_secs);
        !is_over(created, lifetime, now.as_second())
    })
}

/// Answers the certifications that the key made of itself, which carry its expiry.
fn self_certifications(key: &SignedPublicKey) -> impl Iterator<Item = &Signature> {
    let primary: &PublicKey = &key.primary_key;
    let direct = key
        .details
        .direct_signatures
        .iter()
        .filter(|signature| is_issuer(primary, signature) && signature.verify_key(primary).is_ok());
    let of_users = key.details.users.iter().flat_map(move |user| {
        user.signatures.iter().filter(move |signature| {
            is_issuer(primary, signature)
                && signature.typ() != Some(SignatureType::CertRevocation)
                && signature
                    .verify_certification(primary, Tag::UserId, &user.id)
                    .is_ok()
        })
    });
    direct.chain(of_users)
}

/// Answers whether the subkey is bound to the primary key for signing, both ways, and neither revoked nor expired.
fn may_sign(primary: &PublicKey, subkey: &SignedPublicSubKey, now: Timestamp) -> bool {
    let revoked = subkey
        .signatures
        .iter()
        .any(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation));
    let newest = subkey
        .signatures
        .iter()
        .filter(|binding| is_binding(primary, &subkey.key, binding))
        .max_by_key(|binding| binding.created());
    let created = i64::from(subkey.key.created_at().as_secs());
    !revoked
        && newest.is_some_and(|binding| {
            let lifetime = binding.key_expiration_time().map(pgp::types::Duration::as_secs);
            !is_over(created, lifetime, now.as_second())
        })
}

fn is_binding(primary: &PublicKey, subkey: &PublicSubkey, binding: &Signature) -> bool {
    let back = binding.embedded_signature();
    binding.key_flags().sign()
        && binding.verify_subkey_binding(primary, subkey).is_ok()
        && back.is_some_and(|back| back.verify_primary_key_binding(subkey, primary).is_ok())
}

fn is_issuer(key: &impl KeyDetails, signature: &Signature) -> bool {
    signature.issuer_fingerprint().contains(&&key.fingerprint())
        || signature.issuer_key_id().contains(&&key.legacy_key_id())
}

/// Answers whether something made at `created` that lasts `lifetime` seconds (for ever when none or zero) is over.
fn is_over(created: i64, lifetime: Option<u32>, now: i64) -> bool {
    lifetime.is_some_and(|lifetime| lifetime > 0 && created + i64::from(lifetime) <= now)
}

#[cfg(test)]
#[path = "../tests/support/signer.rs"]
mod signer;

#[cfg(test)]
mod tests {
    use super::signer::{MADE, Signer, With};
    use super::*;

    const TEXT: &str = "Origin: test\n- dashed\nDate: today\n";
    const DAY: u32 = 24 * 60 * 60;

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_second(i64::from(seconds)).expect("a time")
    }

    fn believes(signer: &Signer, message: &str, now: u32) -> bool {
        let keyring = Keyring::from_bytes(&signer.key()).expect("a keyring");
        keyring.verify(message.as_bytes(), at(now)).is_ok()
    }

    #[test]
    fn the_pinned_keys_are_the_ones_they_should_be() {
        assert_eq!(Keyring::pinned().expect("reads").keys.len(), 6);
    }

    /// A release file as Debian published it on 2026-11-19, signed with subkeys of two of the pinned keys.
    #[test]
    fn a_release_file_of_debians_is_believed_until_the_keys_expire() {
        let message = include_bytes!("../tests/support/trixie-updates.InRelease");
        let keyring = Keyring::pinned().expect("reads");
        let verify = |time: &str| keyring.verify(message, time.parse().expect("a time"));
        let text = verify("2026-11-20T00:00:00Z").expect("is believed");
        assert!(text.starts_with("Origin: Debian\n") && !text.contains('\r'));
        assert!(
            verify("2034-01-01T00:00:00Z").is_ok(),
            "the trixie key lasts until 2035"
        );
        assert!(matches!(
            verify("2035-06-01T00:00:00Z"),
            Err(SignatureError::Untrusted(2))
        ));
        assert!(
            matches!(verify("2026-11-01T00:00:00Z"), Err(SignatureError::Untrusted(2))),
            "not signed yet"
        );
        let altered = String::from_utf8_lossy(message).replace("Origin: Debian", "Origin: debian");
        assert!(
            keyring
                .verify(
                    altered.as_bytes(),
                    "2026-11-20T00:00:00Z".parse().expect("a time")
                )
                .is_err()
        );
    }

    #[test]
    fn both_the_primary_key_and_its_signing_subkey_are_believed() {
        let signer = Signer::new();
        let keyring = Keyring::from_bytes(&signer.key()).expect("a keyring");
        for with in [With::Primary, With::Subkey] {
            let message = signer.sign(TEXT, with, MADE + DAY);
            assert_eq!(
                keyring
                    .verify(message.as_bytes(), at(MADE + DAY))
                    .expect("is believed"),
                TEXT
            );
        }
    }

    #[test]
    fn whatever_is_changed_or_added_is_not_believed() {
        let signer = Signer::new();
        let message = signer.sign(TEXT, With::Subkey, MADE + DAY);
        let altered = [
            message.replace("today", "tomorrow"),
            message.replace("Origin: test\n", "Origin: test\nInjected: yes\n"),
            message.replace("- - dashed\n", ""),
            format!("Injected: yes\n\n{message}"),
            format!("{message}\nInjected: yes\n"),
            message.replace(
                "-----BEGIN PGP SIGNATURE",
                "Injected: yes\n-----BEGIN PGP SIGNATURE",
            ),
            message.replace("Hash: SHA256", "Injected: yes"),
            TEXT.to_owned(),
            String::new(),
            message[..message.len() / 2].to_owned(),
        ];
        assert!(believes(&signer, &message, MADE + DAY));
        for altered in altered {
            assert_ne!(altered, message);
            assert!(!believes(&signer, &altered, MADE + DAY), "{altered}");
        }
        assert!(!believes(&Signer::new(), &message, MADE + DAY), "another's key");
    }

    #[test]
    fn keys_that_ended_or_were_revoked_are_not_believed() {
        let fresh = Signer::new();
        let by = |signer: &Signer, with, now| believes(signer, &signer.sign(TEXT, with, MADE + DAY), now);
        let expiring = fresh.clone().expiring_after(10 * DAY);
        for with in [With::Primary, With::Subkey] {
            assert!(by(&expiring, with, MADE + 9 * DAY));
            assert!(!by(&expiring, with, MADE + 11 * DAY));
            assert!(!by(&fresh.clone().revoked(), with, MADE + DAY));
        }
        let subkey_revoked = fresh.clone().with_revoked_subkey();
        assert!(by(&subkey_revoked, With::Primary, MADE + DAY));
        assert!(!by(&subkey_revoked, With::Subkey, MADE + DAY));
    }

    #[test]
    fn a_subkey_that_the_primary_key_did_not_bind_is_not_believed() {
        let foreign = Signer::new().with_subkey_of(&Signer::new());
        assert!(!believes(
            &foreign,
            &foreign.sign(TEXT, With::Subkey, MADE + DAY),
            MADE + DAY
        ));
    }
}
