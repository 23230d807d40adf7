//! The data plane against applications that are real HTTP servers, in memory or on loopback.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod admission;
mod failures;
mod listening;
mod passing;
mod reuse;
mod support;
