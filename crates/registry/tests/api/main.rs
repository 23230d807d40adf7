//! The distribution API over a store of its own, and what becomes of it when processes die or the disk is full.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod bounds;
mod collection;
mod concurrent;
mod delete;
mod full_disk;
mod functions;
mod images;
mod listing;
mod pull;
mod push;
mod world;
