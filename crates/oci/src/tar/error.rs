//! Why an archive cannot be read.

use std::io;

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The bytes could not be read.
    #[error("cannot read the archive")]
    Read(#[from] io::Error),
    /// It ends amid an entry, or without the two empty blocks that end an archive.
    #[error("the archive is cut off after {at} bytes")]
    CutOff {
        /// How many bytes there were.
        at: u64,
    },
    /// A header is not one.
    #[error("the header at byte {at} is broken: {reason}")]
    Header {
        /// Where it starts.
        at: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An entry is of a kind that has no place in a layer.
    #[error("the entry `{path}` is {kind}, which is not supported")]
    Unsupported {
        /// The entry's path.
        path: String,
        /// What it is.
        kind: String,
    },
}
