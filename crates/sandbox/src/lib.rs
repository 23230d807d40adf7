//! The sandbox interface and the keeper's asynchronous client.
//!
//! [`Sandboxes`] creates, [`Sandbox`] is one of them. They are traits so that other runtimes can stand beside the
//! built-in one, and so that what uses sandboxes can be tested without any. The built-in one is [`KeeperClient`]: it
//! talks to the keeper, a process of its own, because creating namespaces from a process with threads deadlocks.
//!
//! The messages between the two live here as well ([`wire`]), so that this crate needs nothing of the keeper's.

pub mod client;
pub mod error;
pub mod id;
pub mod lines;
pub mod loopback;
pub mod sandbox;
pub mod spec;
pub mod wire;

pub use client::{Adopted, KeeperClient, KeeperConfig, KeeperError};
pub use error::{CreateError, Refusal, SandboxError, StartError};
pub use id::{InvalidSandboxId, SandboxId};
pub use loopback::WithLoopback;
pub use sandbox::{Exit, Listening, Output, Sandbox, Sandboxes};
pub use spec::{
    Bind, DISK_UPPER_ID_SHIFT, ID_COUNT, Limits, Made, MadeKind, Network, PlacedFile, Process, Profile,
    SIGTERM, SandboxSpec, Upper, without_repeats,
};
