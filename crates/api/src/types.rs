//! What the API's bodies hold.

mod build;
mod context;
mod deploy;
mod function;
mod log;
mod problem;
mod registry;
mod scale;
mod secret;
mod server;

pub use build::{BuildEvent, BuildQuery};
pub use context::{ContextBuildEvent, ContextBuildStatus};
pub use deploy::{DeployRequest, Deployed, RollbackRequest};
pub use function::{
    EventView, ExitView, FailureView, FunctionDetail, FunctionSummary, ImageView, InstanceView, QueueView,
    RevisionStatus, RevisionView,
};
pub use log::{LogLine, LogQuery, Stream};
pub use problem::{Problem, ProblemBody};
pub use registry::{RegistryLogin, RegistryView};
pub use scale::Rescaled;
pub use secret::SecretView;
pub use server::ServerInfo;
