//! Digests as clients write them.

use coracle_spec::Digest;

use crate::names::{InvalidName, shortened};

/// Reads a digest. The store names blobs by SHA-256 and by nothing else, so other algorithms are refused.
pub(crate) fn parse(text: &str) -> Result<Digest, InvalidName> {
    text.parse().map_err(|_| InvalidName::Digest(shortened(text)))
}
