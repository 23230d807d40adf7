//! Quantities as people write them: sizes (`256Mi`), processor shares (`0.5`, `500m`) and spans of time (`10s`).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: expected {expected}")]
pub struct InvalidQuantity {
    what: &'static str,
    text: String,
    expected: &'static str,
}

macro_rules! textual {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidQuantity;

            fn try_from(text: String) -> Result<Self, InvalidQuantity> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// A size in bytes, written as Kubernetes writes it: `1024`, `64k`, `256Mi`, `1Gi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(pub u64);

textual!(ByteSize);

const SIZE_UNITS: [(&str, u64); 8] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
];

impl ByteSize {
    /// Answers `count` mebibytes.
    pub const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// Answers `count` bytes.
    pub const fn of_bytes(count: u64) -> Self {
        Self(count)
    }

    /// Answers the number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let (number, unit) = SIZE_UNITS
            .iter()
            .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))
            .unwrap_or((text, 1));
        integer(number)
            .and_then(|count| count.checked_mul(unit))
            .map(Self)
            .ok_or_else(|| InvalidQuantity {
                what: "size",
                text: text.to_owned(),
                expected: "a whole number of bytes, or with a unit: `64k`, `256Mi`, `1Gi`",
            })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = SIZE_UNITS[..4]
            .iter()
            .find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match whole {
            Some((suffix, unit)) => write!(f, "{}{suffix}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A share of processors in thousandths, written `0.5`, `2` or `500m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpu(u32);

textual!(Cpu);

impl Cpu {
    /// Answers the thousandths of one processor.
    pub const fn millis(self) -> u32 {
        self.0
    }
}

impl FromStr for Cpu {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let millis = match text.strip_suffix('m') {
            Some(millis) => integer(millis).and_then(|millis| u32::try_from(millis).ok()),
            None => decimal_millis(text),
        };
        millis.filter(|millis| *millis > 0).map(Self).ok_or_else(|| InvalidQuantity {
            what: "processor share",
            text: text.to_owned(),
            expected: "a number of processors above zero with at most three decimals: `0.5`, `2`, or `500m`",
        })
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            write!(f, "{}", self.0 / 1000)
        } else {
            write!(f, "{}m", self.0)
        }
    }
}

/// A span of time, written `250ms`, `10s`, `5m` or `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

textual!(Span);

const SPAN_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

impl Span {
    /// Answers `count` seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// Answers the span as the standard library's type.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        SPAN_UNITS
            .iter()
            .find_map(|(suffix, unit)| integer(text.strip_suffix(suffix)?)?.checked_mul(*unit))
            .map(|millis| Self(Duration::from_millis(millis)))
            .ok_or_else(|| InvalidQuantity {
                what: "span of time",
                text: text.to_owned(),
                expected: "a whole number with a unit: `250ms`, `10s`, `5m`, `2h`",
            })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (suffix, unit) = SPAN_UNITS
            .into_iter()
            .rev()
            .find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit))
            .unwrap_or(("ms", 1));
        write!(f, "{}{suffix}", millis / unit)
    }
}

fn integer(digits: &str) -> Option<u64> {
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
}

fn decimal_millis(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 3 {
        return None;
    }
    let thousandths = integer(&format!("{fraction:0<3}"))?;
    u32::try_from(integer(whole)?.checked_mul(1000)?.checked_add(thousandths)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print_with_their_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1024", 1024),
            ("64k", 64_000),
            ("256Mi", 256 << 20),
            ("1Gi", 1 << 30),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        assert_eq!(ByteSize(256 << 20).to_string(), "256Mi");
        assert_eq!(ByteSize(1500).to_string(), "1500");
        for bad in ["", "Mi", "-1", "1.5Gi", "10MB", "99999999Ti", "+5"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn processor_shares_read_as_decimals_and_thousandths() {
        for (text, millis) in [
            ("0.5", 500),
            ("2", 2000),
            ("500m", 500),
            ("1.25", 1250),
            ("0.001", 1),
        ] {
            assert_eq!(text.parse::<Cpu>().map(Cpu::millis), Ok(millis), "{text}");
        }
        for bad in ["0", "0.0001", "", "m", ".", "1.", "-1", "1e3"] {
            assert!(bad.parse::<Cpu>().is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_read_and_print_with_their_units() {
        for text in ["250ms", "10s", "5m", "2h", "90s"] {
            assert_eq!(
                text.parse::<Span>().map(|span| span.to_string()),
                Ok(text.to_owned())
            );
        }
        for bad in ["10", "s", "1.5s", "-1s", "1d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
