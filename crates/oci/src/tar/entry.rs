//! What an archive has: entries, and what each says of itself.

use crate::entry::Metadata;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file; its contents follow.
    File,
    /// A symbolic link.
    Symlink {
        /// What it points to.
        target: Vec<u8>,
    },
    /// A further name of a file.
    HardLink {
        /// The file's path in the archive.
        target: Vec<u8>,
    },
    /// A character device.
    Character {
        /// The major and minor numbers.
        device: (u32, u32),
    },
    /// A block device.
    Block {
        /// The major and minor numbers.
        device: (u32, u32),
    },
    /// A named pipe.
    Pipe,
}

/// An entry's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path as the archive says it.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// How many bytes of contents follow.
    pub size: u64,
    /// Its attributes.
    pub metadata: Metadata,
}
