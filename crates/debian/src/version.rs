//! Versions of Debian packages and their order (Debian Policy §5.6.12).

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A package version: `[epoch:]upstream[-revision]`, ordered as dpkg orders it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(Box<str>);

impl Version {
    /// Takes `text` as a version; every text has a place in the order.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Answers the version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> (u64, &str, &str) {
        let (epoch, rest) = match self.0.split_once(':') {
            Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
            None => (0, &*self.0),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch, upstream, revision)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let (epoch, upstream, revision) = self.parts();
        let (other_epoch, other_upstream, other_revision) = other.parts();
        epoch
            .cmp(&other_epoch)
            .then_with(|| compare(upstream.as_bytes(), other_upstream.as_bytes()))
            .then_with(|| compare(revision.as_bytes(), other_revision.as_bytes()))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Two texts are equal when neither is later: `1.0` and `1.00` are.
impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Compares alternating runs of non-digits and digits.
fn compare(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let by_text = compare_text(&mut a, &mut b);
        if by_text.is_ne() {
            return by_text;
        }
        let by_number = compare_number(&mut a, &mut b);
        if by_number.is_ne() || (a.is_empty() && b.is_empty()) {
            return by_number;
        }
    }
}

fn compare_text(a: &mut &[u8], b: &mut &[u8]) -> Ordering {
    let text = |bytes: &[u8]| bytes.first().copied().filter(|byte| !byte.is_ascii_digit());
    loop {
        let (left, right) = (text(a), text(b));
        let order = weight(left).cmp(&weight(right));
        if order.is_ne() || (left.is_none() && right.is_none()) {
            return order;
        }
        *a = &a[1..];
        *b = &b[1..];
    }
}

/// A tilde sorts before the end, the end before letters, letters before everything else.
fn weight(byte: Option<u8>) -> i16 {
    match byte {
        Some(b'~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i16::from(letter),
        Some(other) => i16::from(other) + 256,
    }
}

fn compare_number(a: &mut &[u8], b: &mut &[u8]) -> Ordering {
    let (left, right) = (take_number(a), take_number(b));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Takes the digits at the start, and answers them without leading zeros.
fn take_number<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let end = bytes
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at(end);
    *bytes = rest;
    let zeros = digits
        .iter()
        .position(|byte| *byte != b'0')
        .unwrap_or(digits.len());
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_order_as_dpkg_orders_them() {
        let ascending = [
            "~~",
            "~~a",
            "~",
            "",
            "0.9",
            "1.0~beta1~svn1245",
            "1.0~beta1",
            "1.0",
            "1.0-1",
            "1.0-1.1",
            "1.0-1.1+b1",
            "1.0a",
            "1.0a7",
            "1.0a10",
            "1.0b",
            "1.0+dfsg",
            "1.0.1",
            "1.2",
            "1.10",
            "2.41-12",
            "2.41-12+deb13u1",
            "3.0.17-1~deb12u2",
            "3.0.17-1",
            "13.8+deb13u1",
            "20190101",
            "1:0.1",
            "1:1.2.13.dfsg-1",
            "2:0",
        ];
        for (index, low) in ascending.iter().enumerate() {
            for high in &ascending[index + 1..] {
                assert!(Version::new(low) < Version::new(high), "{low} < {high}");
                assert!(Version::new(high) > Version::new(low), "{high} > {low}");
            }
        }
    }

    #[test]
    fn spellings_of_one_version_are_equal() {
        for (a, b) in [("1.0", "0:1.0"), ("1.0", "1.00"), ("1.0-0", "1.0"), ("a01", "a1")] {
            assert_eq!(Version::new(a), Version::new(b));
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[0-9a-z.+~:-]{0,12}", b in "[0-9a-z.+~:-]{0,12}", c in "[0-9a-z.+~:-]{0,12}") {
            let (a, b, c) = (Version::new(&a), Version::new(&b), Version::new(&c));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }
    }
}
