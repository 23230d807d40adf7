//! When something was last of use: the modification time of its file, set again when it is used.
//!
//! As with `relatime`, a time that is recent enough is left alone, so that a build that finds everything writes
//! nothing. A journal of uses lost: it would be one more file that every process writes, and could disagree.

use std::fs::Metadata;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

/// How exact times of use are.
const GRAIN: Duration = Duration::from_mins(5);

/// Notes that what lies at `path` is of use now, given what `lstat` says of it.
pub(crate) fn used(path: &Path, metadata: &Metadata) {
    let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age > GRAIN) {
        touch(path);
    }
}

/// Notes that what lies at `path` is of use now.
pub(crate) fn used_at(path: &Path) {
    if let Ok(metadata) = std::fs::symlink_metadata(path) {
        used(path, &metadata);
    }
}

/// Sets the time, however recent it is. That it cannot be set makes something look older than it is, no more.
pub(crate) fn touch(path: &Path) {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    let _ = utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
}
