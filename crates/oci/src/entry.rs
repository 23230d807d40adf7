//! What a layer says of a file besides its contents.

use std::collections::BTreeMap;

use rustix::fs::{Gid, Timespec, Timestamps, Uid};

/// The attributes of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Permission bits with set-user-id, set-group-id and sticky: at most `0o7777`.
    pub mode: u32,
    /// The owner's user id.
    pub uid: u32,
    /// The owner's group id.
    pub gid: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Extended attributes.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

impl Metadata {
    /// Answers the owner, as system calls take it.
    pub fn owner(&self) -> (Uid, Gid) {
        (Uid::from_raw(self.uid), Gid::from_raw(self.gid))
    }

    /// Answers its time, for access as for modification, as system calls take it.
    pub fn times(&self) -> Timestamps {
        Self::times_of(self.mtime)
    }

    /// Answers a time in seconds since 1970, for access as for modification, as system calls take it.
    pub fn times_of(seconds: i64) -> Timestamps {
        let time = Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        Timestamps {
            last_access: time,
            last_modification: time,
        }
    }

    /// Makes the attributes of something of root's with these permissions, of 1970.
    pub fn with_mode(mode: u32) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    /// Makes those of a directory that all may enter.
    pub fn directory() -> Self {
        Self::with_mode(0o755)
    }

    /// Makes those of a file that all may read.
    pub fn file() -> Self {
        Self::with_mode(0o644)
    }

    /// Makes those of a program that all may run.
    pub fn program() -> Self {
        Self::with_mode(0o755)
    }

    /// Makes those of a symbolic link.
    pub fn symlink() -> Self {
        Self::with_mode(0o777)
    }
}
