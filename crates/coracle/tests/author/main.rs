//! An author at work: `up` and `build` on real folders.
//!
//! These tests need root and the package registries, as the program does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod build;
mod dev;
mod dockerfile;
#[allow(dead_code, reason = "shared with the end-to-end tests")]
#[path = "../e2e/machine.rs"]
mod machine;
mod port;
mod project;
mod runs;
#[path = "../e2e/stand_ins.rs"]
mod stand_ins;
mod traffic;
mod up;
