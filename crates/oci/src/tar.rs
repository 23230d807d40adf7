//! The tar format: POSIX ustar with `pax` extended headers where a value does not fit
//! (POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Extended Header"), reading GNU long names as well.

mod entry;
mod error;
mod fields;
mod header;
mod reader;
mod records;
mod writer;

pub use entry::{Entry, Kind};
pub use error::TarError;
pub use reader::Reader;
pub(crate) use writer::{Body, encode, padding};

/// The size of a block: headers are one, contents are padded to a whole number of them.
pub(crate) const BLOCK: usize = 512;
