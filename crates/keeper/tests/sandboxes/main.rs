//! What a sandbox does, in real ones through a real keeper.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod files;
mod life;
mod limits;
mod program;
#[path = "../support/world.rs"]
mod world;
