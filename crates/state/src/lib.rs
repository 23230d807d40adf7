//! What the platform remembers: functions, revisions, credentials for registries, builds and events in SQLite; secrets as files; what instances
//! print in log segments. All of it survives the end of the process at any moment.
//!
//! Nothing here is on the way of a request: the platform reads it when it starts and writes when something changes.

mod build;
mod clock;
mod database;
mod error;
mod event;
mod function;
mod logs;
mod registry;
mod revision;
mod roots;
mod secret;
mod state;

pub use build::{Build, BuildId, BuildStatus};
pub use error::StateError;
pub use event::{Event, NewEvent};
pub use function::Function;
pub use logs::{Follower, Line, LogError, LogLimits, Logs, Stream};
pub use registry::{Login, Password, Registry};
pub use revision::{NewRevision, Revision, RevisionStatus};
pub use secret::{Secret, SecretError, Secrets, Value as SecretValue};
pub use state::State;
