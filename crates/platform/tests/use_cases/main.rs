//! The use cases as a whole, over sandboxes that are HTTP servers on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod cold_start;
mod crashes;
mod deploys;
mod describe;
mod journal;
mod pulls;
mod rescale;
mod restart;
mod rollback;
mod scaling;
mod spares;
mod world;
