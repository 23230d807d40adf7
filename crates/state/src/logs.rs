//! What instances print: for each function a directory of segments, `NAMESPACE/NAME/NUMBER.log`, one record a line.
//!
//! One thread writes, so that lines come in one order; who reads follows the files up to where the thread says it
//! is. A segment is never changed but at its end, and the oldest go when all together are too large. Nothing is
//! synced: the end of the process loses nothing that was written, a power cut the last seconds. A torn last record is
//! cut off before the next one is written, and skipped by readers. Rows in `SQLite` lost: each line would be a
//! page written twice, and deleting old ones would write more than appending.

mod follow;
mod line;
mod segment;
mod shared;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use coracle_spec::{ByteSize, Class, Failure, FunctionId};

pub use follow::Follower;
pub use line::{Line, Stream};

use self::shared::Shared;
use self::writer::Writer;

/// The bounds of what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLimits {
    /// The longest text of one record. Longer lines are several records.
    pub line: ByteSize,
    /// The size at which a new segment begins.
    pub segment: ByteSize,
    /// The size of a function's segments together.
    pub function: ByteSize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            line: ByteSize(16 << 10),
            segment: ByteSize::mebibytes(4),
            function: ByteSize::mebibytes(64),
        }
    }
}

/// Why logs cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk does not answer.
    #[error("cannot read the logs")]
    Io(#[from] io::Error),
    /// The logs were closed while somebody used them.
    #[error("the logs are closed")]
    Closed,
}

impl Failure for LogError {
    fn class(&self) -> Class {
        match self {
            Self::Io(_) => Class::Internal,
            Self::Closed => Class::Unavailable,
        }
    }
}

/// What instances print, by function. Cheap to clone.
#[derive(Clone)]
pub struct Logs {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
}

impl Logs {
    /// Opens the logs under `root`.
    pub(crate) fn open(root: PathBuf, limits: LogLimits) -> io::Result<Self> {
        fs_err::create_dir_all(&root)?;
        let shared = Arc::new(Shared::new(root));
        let writer = Arc::new(Writer::start(Arc::clone(&shared), limits)?);
        Ok(Self { shared, writer })
    }

    /// Hands lines to the thread that writes, waiting when it is far behind.
    ///
    /// Lines that the disk does not take are lost, with a warning: an instance never stands still for its log.
    pub async fn append(&self, function: &FunctionId, lines: Vec<Line>) -> Result<(), LogError> {
        self.writer.append(function.clone(), lines).await
    }

    /// Answers the last lines of a function, oldest first; none when it has printed nothing.
    pub async fn tail(&self, function: &FunctionId, most: usize) -> Result<Vec<Line>, LogError> {
        Ok(self.follow(function, most).await?.0)
    }

    /// Answers the last lines of a function, oldest first, and what comes after them without a gap.
    pub async fn follow(
        &self,
        function: &FunctionId,
        most: usize,
    ) -> Result<(Vec<Line>, Follower), LogError> {
        let (shared, function) = (Arc::clone(&self.shared), function.clone());
        follow::blocking(move || Follower::start(&shared, &function, most)).await
    }

    /// Removes what a function has printed. Who follows it is told that nothing will come.
    pub async fn remove(&self, function: &FunctionId) -> Result<(), LogError> {
        self.writer.remove(function.clone()).await
    }

    /// Returns when everything appended before is in the files.
    pub async fn flush(&self) -> Result<(), LogError> {
        self.writer.flush().await
    }
}
