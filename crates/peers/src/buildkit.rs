//! BuildKit: compiled from its Go module, and started with directories of its own.
//!
//! It is compiled once for all that ask and kept beneath the home folder. Debian's runc is what it runs commands with.

mod daemon;
mod programs;

pub use daemon::{BuildKit, Certificates, Setup};
pub use programs::{Programs, VERSION};
