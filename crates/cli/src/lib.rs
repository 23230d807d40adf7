//! The command line: verbs, one file each, over the crates that do the work.
//!
//! Everything a user sees is decided here and nowhere else: what is read from flags, environment and files
//! ([`settings`]), what goes to stdout and stderr ([`printer`]), how an error reads ([`error`]) and how a build
//! looks while it runs ([`progress`]). The other crates return values and never print.
//!
//! Without the feature `engine`, and on other systems than Linux, only the verbs that talk to a server are there.
#![cfg_attr(
    not(all(feature = "engine", target_os = "linux")),
    allow(dead_code, unused_imports, reason = "what only building and running use")
)]

mod age;
mod args;
mod assignments;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod blocking;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod builder_flags;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod building;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod buildkit;
mod context;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod destination;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod dockerfile_flags;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod engine;
mod env_file;
mod error;
mod help;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod housekeeping;
mod interrupt;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod local;
mod log;
mod login;
mod pack;
mod password;
mod printer;
mod progress;
mod project;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod registries;
mod remote_build;
mod run;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod selection;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod service_manager;
mod settings;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod size;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod stored;
mod table;
#[cfg(all(feature = "engine", target_os = "linux"))]
mod transfers;
mod upload;
mod verbs;

pub use run::main;
