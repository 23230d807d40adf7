//! Builds by a BuildKit: a standalone daemon, or the one in a Docker Engine.
//!
//! ```text
//! Solve ──► Control.Solve ──────────────────────────────► BuildKit
//!   Session ◄── files of the context, credentials, secrets ── asks during the build
//!           ◄── the image as an archive ───────────────────── hands over (a Docker Engine keeps it: fetched after)
//!   Observer ◄── Control.Status
//! ```
//!
//! Connections go one way only, as BuildKit wants it: what it asks for is served over a stream that this side opened.
//! The image lands in the content store like one of our own.

mod address;
mod buildkit;
mod context;
mod dial;
mod engine;
mod error;
mod id;
mod origin;
mod place;
mod session;
mod solve;
mod status;
mod wire;

pub use address::{Address, Endpoint, InvalidAddress, Server};
pub use buildkit::BuildKit;
pub use context::ContextError;
pub use dial::DialError;
pub use engine::EngineError;
pub use error::{Refusal, SolveError};
pub use origin::Origin;
pub use place::{Certificates, Place};
pub use solve::{Anonymous, Login, Logins, Solve, Solved};
