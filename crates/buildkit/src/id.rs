//! Names that nobody else has.

/// Answers a name that nobody else has, of lower-case letters and digits.
pub(crate) fn random() -> String {
    format!("{:032x}", rand::random::<u128>())
}
