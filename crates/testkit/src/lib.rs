//! Test doubles shared by the crates' tests.
//!
//! [`FakeSandboxes`] stands for the keeper where a test is about what is done with sandboxes, not about isolation: its
//! sandboxes are HTTP servers on loopback, with real pipes, real sockets and real exits, but nothing of the
//! kernel's that needs root.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "test code")]

mod program;
mod sandbox;
mod sandboxes;

pub use program::{Handler, Program, Reply, Said, answering};
pub use sandbox::FakeSandbox;
pub use sandboxes::FakeSandboxes;
