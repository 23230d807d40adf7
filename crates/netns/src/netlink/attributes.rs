//! Attributes: type, length, value, padded to four bytes (netlink(7), "NLA" macros of `linux/netlink.h`).

/// The bit in an attribute's type that says that its value is made of attributes (`NLA_F_NESTED`).
const NESTED: u16 = 1 << 15;
/// What of an attribute's type is its number (`NLA_TYPE_MASK`).
const TYPE_MASK: u16 = 0x3fff;
const HEADER: usize = 4;

/// A list of attributes as bytes, built from left to right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    /// Adds an attribute with `value`.
    ///
    /// # Panics
    /// When `value` is longer than an attribute can be, which nothing built here comes near.
    pub(crate) fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "values are names, numbers and short lists of rules"
        )]
        let length = u16::try_from(HEADER + value.len()).expect("an attribute shorter than 64 KiB");
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Adds a number in the machine's byte order, as rtnetlink has it.
    pub(crate) fn u32(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Adds a number in network byte order, as nfnetlink has it.
    pub(crate) fn be32(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// Adds a text with its terminating zero.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.bytes(kind, &bytes)
    }

    /// Adds an attribute made of attributes.
    pub(crate) fn nest(self, kind: u16, inner: &Self) -> Self {
        self.bytes(kind | NESTED, &inner.0)
    }

    /// Answers the bytes as they go into a message.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Walks over the attributes in `bytes`: number and value of each. Ends where they are malformed.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (header, _) = bytes.split_at_checked(HEADER)?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & TYPE_MASK;
        let value = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// Answers the value of the first attribute `kind` in `bytes`.
pub(crate) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes)
        .find(|(found, _)| *found == kind)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attributes_are_padded_to_four_bytes_and_their_length_is_not() {
        let made = Attributes::default()
            .text(3, "lo")
            .nest(4, &Attributes::default().be32(1, 7));
        let little_endian = [
            7, 0, 3, 0, b'l', b'o', 0, 0, // text
            12, 0, 4, 0x80, 8, 0, 1, 0, 0, 0, 0, 7, // nest
        ];
        if cfg!(target_endian = "little") {
            assert_eq!(made.as_bytes(), little_endian);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(list in proptest::collection::vec((1..100_u16, proptest::collection::vec(any::<u8>(), 0..40)), 0..20)) {
            let made = list.iter().fold(Attributes::default(), |made, (kind, value)| made.bytes(*kind, value));
            let read: Vec<_> = attributes(made.as_bytes()).map(|(kind, value)| (kind, value.to_vec())).collect();
            prop_assert_eq!(read, list);
        }

        #[test]
        fn any_bytes_can_be_walked(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
