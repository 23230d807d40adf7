//! Executes a plan into an image.
//!
//! ```text
//! Folder ─plan─> Plan ─pins─> Plan, Lock ─keys─> a key a step ─┬─ image of these keys is known ─> Image
//!                                                              └─ Execution: missing steps only ─> layers ─> Image
//! ```
//!
//! Everything that a step's result depends on is in its key, and results are shared by all builds on one store. A
//! step is carried out once, however many builds want it at the same moment.

mod accounts;
mod builder;
mod carrier;
mod context;
mod dockerfile;
mod error;
mod execute;
mod files;
mod folder;
mod graph;
mod ground;
mod key;
mod known;
mod lock_file;
mod log_tail;
mod outcome;
mod pinned;
mod pins;
mod prepared;
mod progress;
mod registries;
mod request;
mod sandbox_id;
mod steps;
mod surroundings;
mod transfer;

pub use builder::{Builder, Built, BuiltFor, StepReport, Tools};
pub use carrier::CarrierError;
pub use dockerfile::{DockerfileBuildError, Selected, Selection, What};
pub use error::{BuildError, StepError};
pub use folder::{Contents, Folder, FolderError};
pub use ground::GroundError;
pub use lock_file::LockFileError;
pub use log_tail::LogTail;
pub use pinned::{Change, PinnedBase, PinnedTool, Pins};
pub use progress::{Event, Observer, Silent};
pub use registries::{Go, Npm, Pip, Registries};
pub use request::{
    CommandNetwork, DockerfileAt, DockerfileOptions, Locking, Pull, Request, Reuse, SecretValue, Tenant,
};
pub use steps::base::BaseError;
pub use steps::copy::CopyError;
pub use steps::fetch::ToolError;
pub use steps::image::PullError;
pub use steps::place::PlaceError;
pub use steps::run::RunError;
pub use surroundings::Surroundings;
