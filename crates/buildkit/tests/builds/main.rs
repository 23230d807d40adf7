//! Builds by real daemons: BuildKit compiled from its module, and the one in Debian's Docker Engine.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod ca;
mod context;
mod docker;
mod failures;
mod registry;
mod standalone;
mod unreachable;
mod world;
