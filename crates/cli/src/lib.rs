//! The command line: verbs, one file each, over the crates that do the work.
//!
//! Everything a user sees is decided here and nowhere else: what is read from flags, environment and files
//! ([`settings`]), what goes to stdout and stderr ([`printer`]), how an error reads ([`error`]) and how a build
//! looks while it runs ([`progress`]). The other crates return values and never print.

mod age;
mod args;
mod assignments;
mod building;
mod context;
mod engine;
mod env_file;
mod error;
mod help;
mod housekeeping;
mod interrupt;
mod local;
mod log;
mod login;
mod pack;
mod printer;
mod progress;
mod project;
mod remote_build;
mod run;
mod service_manager;
mod settings;
mod size;
mod table;
mod upload;
mod verbs;

pub use run::main;
