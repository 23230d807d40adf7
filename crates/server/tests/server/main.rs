//! The server as a whole, over real sockets and sandboxes that are HTTP servers on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod access;
mod end;
mod ephemeral;
mod function_builder;
mod functions;
mod registry;
mod skopeo;
mod start;
mod world;
