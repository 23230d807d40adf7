//! The client against registries: Debian's, and one that misbehaves.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod hostile;
mod images;
mod leftovers;
mod lies;
mod parties;
mod real;
mod tokens;
