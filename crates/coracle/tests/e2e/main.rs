//! The program as its users meet it: real folders, real sandboxes, real requests.
//!
//! These tests need root and the package registries, as the program does. They run it with an empty `PATH`, so that
//! nothing of the host's Python or Node can take part.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod bad_input;
mod bounds;
mod builder_killed;
mod buildkit;
mod cache;
mod doctor;
mod elsewhere;
mod examples;
mod foreign;
mod function_builder;
mod go;
mod go_sdk;
mod harbour;
mod isolation;
mod killed;
mod lading;
mod left;
mod machine;
mod mirror;
mod other_tools;
mod others;
mod package;
mod platforms;
mod quay;
mod registries;
mod registries_killed;
mod reproducible;
mod runs;
mod serve;
mod service_manager;
mod ship;
mod sluice;
mod stand_ins;
mod tenants;
mod watchdog;
