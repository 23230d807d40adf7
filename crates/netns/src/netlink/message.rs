//! One netlink message: header, fixed part, attributes (`struct nlmsghdr`).

use super::Attributes;

/// The length of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;

/// A request to the kernel, and what it is about in words for its error.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Completes "cannot …".
    pub(crate) what: String,
    kind: u16,
    flags: u16,
    payload: Vec<u8>,
}

impl Message {
    /// Makes a message with its fixed part, whose length is a multiple of four.
    pub(crate) fn new(what: impl Into<String>, kind: u16, fixed: &[u8]) -> Self {
        Self {
            what: what.into(),
            kind,
            flags: 0,
            payload: fixed.to_vec(),
        }
    }

    /// Adds `NLM_F_…` flags. `NLM_F_REQUEST` is always set.
    pub(crate) fn flags(mut self, flags: i32) -> Self {
        self.flags |= u16::try_from(flags).unwrap_or_default();
        self
    }

    /// Adds attributes behind the fixed part.
    pub(crate) fn with(mut self, attributes: &Attributes) -> Self {
        self.payload.extend_from_slice(attributes.as_bytes());
        self
    }

    /// Appends the message as bytes with its sequence number.
    pub(crate) fn write(&self, sequence: u32, out: &mut Vec<u8>) {
        let length = u32::try_from(HEADER + self.payload.len()).unwrap_or(u32::MAX);
        let flags = self.flags | u16::try_from(nix::libc::NLM_F_REQUEST).unwrap_or_default();
        out.extend_from_slice(&length.to_ne_bytes());
        out.extend_from_slice(&self.kind.to_ne_bytes());
        out.extend_from_slice(&flags.to_ne_bytes());
        out.extend_from_slice(&sequence.to_ne_bytes());
        out.extend_from_slice(&0_u32.to_ne_bytes());
        out.extend_from_slice(&self.payload);
    }
}
