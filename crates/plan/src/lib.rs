//! The pure compiler from a source tree to a build plan.
//!
//! [`plan`](plan()) looks at a folder through the trait [`Source`], at the manifest and at what the project's
//! lock file pins, and answers a [`Plan`]: a graph of steps that says everything a build does, and nothing of
//! where it does it. It reads no clock, no network and no disk, so that a plan can be printed, compared and
//! put in a snapshot, and so that the same input always means the same steps.

mod binary;
mod comments;
mod compile;
mod context;
mod development;
pub mod dockerfile;
mod draft;
pub mod error;
mod event;
mod files;
mod foreign;
mod go;
pub mod ignore;
pub mod lock;
mod node;
pub mod op;
pub mod patterns;
pub mod plan;
pub mod progress;
mod python;
mod runnable;
pub mod runtimes;
mod server;
pub mod source;
pub mod step;
pub mod target;
mod unsupported;

pub use compile::plan;
pub use dockerfile::{DockerfileError, Known, KnownImage, Planned, Wanted};
pub use error::PlanError;
pub use lock::{InvalidLock, Lock, Tool};
pub use op::{
    Base, BaseKind, CacheMount, Capture, Copy, Exec, Fetch, FromImage, Input, MakeFolder, Mount, MountKind,
    Op, Origin, Place, Placed, Registry, Run, Script, Sharing, Unpack, Version, Write, Written,
};
pub use plan::{ImagePlan, Plan};
pub use source::{Entry, Kind, MemorySource, ReadFailed, Source};
pub use step::{Step, StepId};
pub use target::{Arch, Target};
