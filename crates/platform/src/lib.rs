//! The use cases, without HTTP: deploy, start on demand, scale, read logs, keep secrets, remove.
//!
//! ```text
//! Platform ── functions ──► Fleet (one a revision) ──► Instance (one a sandbox)
//!     │                       │ door: the gateway's side, where requests enter and wait
//!     └── records, journal, secrets: what outlives the process
//! ```
//!
//! A service and a single command use the same code: what differs is the configuration and how long the state lives.

mod adopt;
mod builds;
mod deploy;
mod describe;
mod dial;
mod failure;
mod fleet;
mod fleets;
mod function_builder;
mod functions;
mod happening;
mod image;
mod instance;
mod journal;
mod launch;
mod load;
mod logs;
mod platform;
mod probe;
mod pull;
mod records;
mod registries;
mod remove;
mod rescale;
mod revision;
mod rollback;
mod secrets;
mod services;
mod spares;
mod turns;

pub use builds::{BuildPlace, Builds, BuiltSource, SourceArchive, SourceBuildError};
pub use coracle_build::{Event as BuildEvent, Locking, Observer};
pub use coracle_state::{
    Event, Follower, Line, LogError, Login, Password, Registry, RevisionStatus, Secret, SecretError, Stream,
};
pub use deploy::{ConfigError, Deploy, DeployError, Deployed};
pub use describe::{
    Condition, FunctionDetail, FunctionSummary, Happened, ImageDetail, InstanceDetail, QueueDetail, Standing,
};
pub use dial::DialError;
pub use failure::{LastLines, SharedFailure, StartCause, StartFailure, Unready};
pub use function_builder::{
    AdmitError, Admitted, Bounds, BuildTrouble, BuilderOf, ConfigError as BuildConfigError, ContextBuild,
    ContextBuilder, ContextImage, EmptySecret, Full, FunctionBuildError, FunctionBuilder,
    FunctionBuilderConfig, FunctionImage, InvalidSealingKey, InvalidTenant, NativeContexts, PayloadKey,
    Publication, Publisher, Replayed, SEALING_ALGORITHM, SealedError, SealingKey, Senders, SignatureError,
    Spooled, SubmissionError, Tenant, Verifier,
};
pub use functions::Addressing;
pub use happening::{Exited, StartFailed};
pub use instance::State;
pub use load::Load;
pub use logs::Log;
pub use platform::{Parts, Platform, PlatformConfig};
pub use pull::{Pull, PullError, Puller, PullsNothing};
pub use records::{RecordError, RevisionRecord};
pub use rescale::{RescaleError, Rescaled};
pub use revision::Revision;
pub use rollback::RollbackError;
