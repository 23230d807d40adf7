//! What folders compile to.

mod examples;
mod folder;
mod messages;
mod properties;
mod tables;
