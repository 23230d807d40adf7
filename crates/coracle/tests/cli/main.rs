//! What users see, as golden files: help texts and the main error messages.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod help;
mod install;
mod messages;
mod program;
