//! The 512-byte header: where its fields are, and how its numbers are written.

use std::ops::Range;

use super::BLOCK;

pub(super) const NAME: Range<usize> = 0..100;
pub(super) const MODE: Range<usize> = 100..108;
pub(super) const UID: Range<usize> = 108..116;
pub(super) const GID: Range<usize> = 116..124;
pub(super) const SIZE: Range<usize> = 124..136;
pub(super) const MTIME: Range<usize> = 136..148;
pub(super) const CHECKSUM: Range<usize> = 148..156;
pub(super) const TYPE: usize = 156;
pub(super) const LINK: Range<usize> = 157..257;
pub(super) const MAGIC: Range<usize> = 257..265;
pub(super) const DEVICE_MAJOR: Range<usize> = 329..337;
pub(super) const DEVICE_MINOR: Range<usize> = 337..345;
pub(super) const PREFIX: Range<usize> = 345..500;

pub(super) const POSIX_MAGIC: &[u8; 8] = b"ustar\x0000";
pub(super) const GNU_MAGIC: &[u8; 8] = b"ustar  \0";

/// One header.
pub(super) struct Header(pub(super) [u8; BLOCK]);

impl Header {
    pub(super) fn empty() -> Self {
        let mut header = Self([0; BLOCK]);
        header.0[MAGIC].copy_from_slice(POSIX_MAGIC);
        header
    }

    pub(super) fn set_text(&mut self, field: Range<usize>, text: &[u8]) {
        self.0[field.start..field.start + text.len()].copy_from_slice(text);
    }

    /// Writes `value` as zero-padded octal digits and a zero byte; answers whether it fits.
    pub(super) fn set_number(&mut self, field: Range<usize>, value: u64) -> bool {
        let digits = field.len() - 1;
        let text = format!("{value:0digits$o}");
        if text.len() > digits {
            return false;
        }
        self.set_text(field, text.as_bytes());
        true
    }

    /// Writes the checksum, last of all.
    pub(super) fn seal(&mut self) {
        let sum = self.checksum();
        self.0[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }

    /// Answers the sum of all bytes, with those of the checksum taken as spaces.
    pub(super) fn checksum(&self) -> u64 {
        let all: u64 = self.0.iter().map(|byte| u64::from(*byte)).sum();
        let own: u64 = self.0[CHECKSUM].iter().map(|byte| u64::from(*byte)).sum();
        all - own + 8 * u64::from(b' ')
    }

    /// Answers a text field up to its first zero byte.
    pub(super) fn text(&self, field: Range<usize>) -> &[u8] {
        let bytes = &self.0[field];
        bytes.split(|byte| *byte == 0).next().unwrap_or(bytes)
    }

    /// Reads a number: octal digits amid spaces and zero bytes, or GNU's base 256 when the first bit is set.
    pub(super) fn number(&self, field: Range<usize>) -> Option<i64> {
        let bytes = &self.0[field];
        if bytes[0] & 0x80 != 0 {
            base_256(bytes)
        } else {
            octal(bytes)
        }
    }
}

fn octal(bytes: &[u8]) -> Option<i64> {
    let is_filler = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = bytes
        .iter()
        .position(|byte| !is_filler(byte))
        .unwrap_or(bytes.len());
    let digits = bytes[start..].split(is_filler).next().unwrap_or_default();
    if !bytes[start + digits.len()..].iter().all(is_filler) {
        return None;
    }
    digits.iter().try_fold(0i64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// Two's complement, the top bit of the first byte set aside as the mark.
fn base_256(bytes: &[u8]) -> Option<i64> {
    let negative = bytes[0] & 0x40 != 0;
    let first = if negative { bytes[0] } else { bytes[0] & 0x7f };
    let start = i64::from(first.cast_signed());
    bytes[1..].iter().try_fold(start, |value, byte| {
        value.checked_mul(256)?.checked_add(i64::from(*byte))
    })
}
