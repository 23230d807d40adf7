//! Other programs that tests and benchmarks run beside ours: BuildKit, a Docker Engine, a registry, the suite of the OCI
//! distribution specification, and a client of the Function Builder API.
//!
//! Each is started with directories and sockets of its own, and ended when its value is dropped. It is a crate, for
//! development only, since benchmarks, tests of several crates and the chores need the same programs.

#![allow(
    clippy::disallowed_methods,
    reason = "test code reads where the user's home is"
)]

pub mod buildkit;
pub mod conformance;
mod daemon;
mod docker;
mod go;
pub mod go_sdk;
mod home;
mod process;
mod program;
pub mod registry;
mod remains;

pub use docker::Engine;
pub use home::kept;
pub use program::checked;
