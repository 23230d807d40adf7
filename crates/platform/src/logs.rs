//! Reading and following what functions print.

use coracle_spec::FunctionId;
use coracle_state::{Follower, Line, LogError};

use crate::platform::Platform;
use crate::records::RecordError;

/// A function's log: what was printed, and what will be.
pub struct Log {
    /// The last lines, the oldest first.
    pub past: Vec<Line>,
    /// The lines after those, without a gap.
    pub live: Follower,
}

impl Platform {
    /// Answers the last `tail` lines that a function's instances printed, and those to come.
    pub async fn log(&self, id: &FunctionId, tail: u32) -> Result<Log, RecordError> {
        if self.functions().get(id).is_none() {
            return Err(RecordError::NotFound(id.clone()));
        }
        let (past, live) = self.services().journal.logs().follow(id, tail as usize).await?;
        Ok(Log { past, live })
    }

    /// Follows a function from now on, also one that is not there yet.
    pub async fn follow(&self, id: &FunctionId) -> Result<Follower, LogError> {
        let (_, live) = self.services().journal.logs().follow(id, 0).await?;
        Ok(live)
    }
}
