//! What a download must hash to.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coracle_spec::{Digest, Hasher};
use sha2::{Digest as _, Sha512};

/// The checksum a download must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-256, as Debian's indices and `PyPI` give it.
    Sha256(Digest),
    /// SHA-512, as npm's registry gives it.
    Sha512(Box<[u8; 64]>),
}

/// Why a text is no checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a checksum this can check: expected `sha512-` or `sha256-` and the hash in base64")]
pub struct InvalidChecksum(String);

impl Checksum {
    /// Reads a subresource integrity text (W3C Subresource Integrity §3.5): hashes separated by spaces, of
    /// which the strongest counts.
    pub fn from_integrity(text: &str) -> Result<Self, InvalidChecksum> {
        let of = |prefix: &str| text.split_whitespace().find_map(|hash| hash.strip_prefix(prefix));
        let sha512 = of("sha512-")
            .and_then(decode)
            .map(|hash| Self::Sha512(Box::new(hash)));
        sha512
            .or_else(|| {
                of("sha256-")
                    .and_then(decode::<32>)
                    .and_then(|hash| sha256(&hash))
            })
            .ok_or_else(|| InvalidChecksum(text.to_owned()))
    }

    /// Answers what computes a checksum of this kind.
    pub(crate) fn hasher(&self) -> ChecksumHasher {
        match self {
            Self::Sha256(_) => ChecksumHasher::Sha256(Box::default()),
            Self::Sha512(_) => ChecksumHasher::Sha512(Box::default()),
        }
    }
}

/// Computes a checksum from bytes as they pass.
pub(crate) enum ChecksumHasher {
    Sha256(Box<Hasher>),
    Sha512(Box<Sha512>),
}

impl ChecksumHasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Checksum {
        match self {
            Self::Sha256(hasher) => Checksum::Sha256(hasher.finish()),
            Self::Sha512(hasher) => Checksum::Sha512(Box::new(hasher.finalize().into())),
        }
    }
}

impl From<Digest> for Checksum {
    fn from(digest: Digest) -> Self {
        Self::Sha256(digest)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => digest.fmt(f),
            Self::Sha512(hash) => write!(f, "sha512-{}", STANDARD.encode(hash.as_slice())),
        }
    }
}

fn sha256(hash: &[u8]) -> Option<Checksum> {
    use fmt::Write;
    let text = hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    text.parse().ok().map(Checksum::Sha256)
}

fn decode<const N: usize>(base64: &str) -> Option<[u8; N]> {
    let hash = base64.split('?').next()?;
    STANDARD.decode(hash).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-512 of `abc` (FIPS 180-2, appendix C.1) in base64.
    const ABC: &str =
        "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";

    #[test]
    fn an_integrity_text_gives_its_strongest_hash() {
        let sha256 = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        let strongest = Checksum::from_integrity(&format!("sha1-x {sha256} {ABC}")).expect("valid");
        assert_eq!(strongest.to_string(), ABC);
        assert_eq!(
            Checksum::from_integrity(sha256),
            Ok(Checksum::Sha256(Digest::of("abc")))
        );
    }

    #[test]
    fn other_texts_are_no_checksums() {
        for text in [
            "",
            "sha512-",
            "sha512-abcd",
            "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
            "md5-x",
            &ABC[..40],
        ] {
            assert!(Checksum::from_integrity(text).is_err(), "{text}");
        }
    }
}
