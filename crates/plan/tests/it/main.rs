//! What folders compile to.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare itself fails")]

mod binary;
mod dockerfile;
mod examples;
mod folder;
mod go;
mod messages;
mod node;
mod properties;
mod python;
mod tables;
