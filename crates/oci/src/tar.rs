//! The tar format: POSIX ustar with `pax` extended headers where a value does not fit
//! (POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Extended Header"), reading GNU long names as well.

mod header;
mod reader;
mod writer;

pub use reader::{Entry, Kind, Reader, TarError};
pub(crate) use writer::{Body, encode, padding};

/// The size of a block: headers are one, contents are padded to a whole number of them.
pub(crate) const BLOCK: usize = 512;
