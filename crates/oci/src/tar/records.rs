//! Extended headers: records of keys and values, and the numbers in them (POSIX.1-2017, `pax`, "pax Extended Header").

use std::collections::BTreeMap;

/// Reads digits, without a sign.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.starts_with('+') {
        None
    } else {
        text.parse().ok()
    }
}

/// Reads seconds with an optional fraction, rounding towards the past.
pub(super) fn whole_seconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let is_past = whole.starts_with('-') && fraction.bytes().any(|byte| byte != b'0');
    if is_past {
        seconds.checked_sub(1)
    } else {
        Some(seconds)
    }
}

/// Reads `LENGTH KEY=VALUE\n`, again and again.
pub(super) fn parse(mut bytes: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut records = BTreeMap::new();
    while !bytes.is_empty() {
        let space = bytes.iter().take(8).position(|byte| *byte == b' ')?;
        let length = usize::try_from(decimal(&bytes[..space])?).ok()?;
        let (record, rest) = bytes.split_at_checked(length)?;
        let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        records.insert(record[..equals].to_vec(), record[equals + 1..].to_vec());
        bytes = rest;
    }
    Some(records)
}
