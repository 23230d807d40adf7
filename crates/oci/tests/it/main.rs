//! Layers and images, with real overlays and with other programs.
//!
//! They are one program: three would be linked three times, and each would have its own copy of what they share.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod capture;
mod export;
mod layers;
mod support;
