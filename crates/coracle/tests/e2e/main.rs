//! The program as its users meet it: real folders, real sandboxes, real requests.
//!
//! These tests need root and the package registries, as the program does. They run it with an empty `PATH`, so that
//! nothing of the host's Python or Node can take part.

mod examples;
mod harbour;
mod isolation;
mod killed;
mod left;
mod machine;
mod serve;
mod ship;
