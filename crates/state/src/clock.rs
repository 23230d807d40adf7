//! The time, as it is stored.

use std::time::{SystemTime, UNIX_EPOCH};

/// Answers the seconds since 1970-01-01 UTC.
pub(crate) fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
