//! How long ago something was, for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// Answers how long ago `at` (seconds since 1970-01-01 UTC) was, in its largest unit: `3 min ago`.
pub(crate) fn ago(at: u64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    since(now, at)
}

/// Answers a number of seconds in its largest unit: `3 min`.
pub(crate) fn rough(seconds: u64) -> String {
    UNITS.iter().find(|(size, _)| seconds >= *size).map_or_else(
        || "0 s".to_owned(),
        |(size, unit)| format!("{} {unit}", seconds / size),
    )
}

fn since(now: u64, at: u64) -> String {
    format!("{} ago", rough(now.saturating_sub(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit_and_never_negative() {
        for (seconds, text) in [
            (0, "0 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (7_300, "2 h ago"),
            (200_000, "2 d ago"),
        ] {
            assert_eq!(since(1_000_000, 1_000_000 - seconds), text);
        }
        assert_eq!(since(5, 9), "0 s ago");
    }
}
