//! Everything under one data directory.

use std::path::Path;
use std::sync::Arc;

use crate::database::Database;
use crate::error::StateError;
use crate::logs::{LogLimits, Logs};
use crate::secret::Secrets;

/// The database's file.
pub(crate) const DATABASE: &str = "state.db";

/// What the platform remembers. Cheap to clone; what is written is written in order, by one thread.
///
/// A call that changes something returns when the change is on the disk. Calls are made inside a runtime.
#[derive(Clone)]
pub struct State {
    pub(crate) database: Arc<Database>,
    secrets: Secrets,
    logs: Logs,
}

impl State {
    /// Opens the state in `data`, making it when there is none, and repairs what a crash left.
    ///
    /// Blocks for as long as the disk takes.
    pub fn open(data: &Path, limits: LogLimits) -> Result<Self, StateError> {
        fs_err::create_dir_all(data).map_err(StateError::Directory)?;
        Ok(Self {
            database: Arc::new(Database::open(&data.join(DATABASE))?),
            secrets: Secrets::at(data.join("secrets")),
            logs: Logs::open(data.join("logs"), limits).map_err(StateError::Logs)?,
        })
    }

    /// Answers the secrets.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Answers what instances print.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }
}
