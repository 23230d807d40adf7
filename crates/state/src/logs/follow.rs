//! Reading a log as it grows.

use std::io;
use std::sync::Arc;

use coracle_spec::FunctionId;
use tokio::sync::watch;

use super::LogError;
use super::line::Line;
use super::segment::{self, Position};
use super::shared::Shared;

/// The lines of a function from a place on. Who is slower than the log is long misses the lines that are gone.
pub struct Follower {
    shared: Arc<Shared>,
    function: FunctionId,
    end: watch::Receiver<Position>,
    position: Position,
}

impl Follower {
    pub(super) fn start(
        shared: &Arc<Shared>,
        function: &FunctionId,
        most: usize,
    ) -> io::Result<(Vec<Line>, Self)> {
        let end = shared.watch(function)?;
        let position = *end.borrow();
        let lines = segment::last_lines(&shared.directory(function), position, most)?;
        let follower = Self {
            shared: Arc::clone(shared),
            function: function.clone(),
            end,
            position,
        };
        Ok((lines, follower))
    }

    /// Waits for the next lines, one or more; `None` when the log was removed. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>, LogError> {
        loop {
            let end = *self.end.borrow_and_update();
            if self.position < end {
                let lines = self.read(end).await?;
                if !lines.is_empty() {
                    return Ok(Some(lines));
                }
            } else if self.end.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    async fn read(&mut self, end: Position) -> Result<Vec<Line>, LogError> {
        let (directory, from) = (self.shared.directory(&self.function), self.position);
        let (lines, after) = blocking(move || segment::lines_between(&directory, from, end)).await?;
        self.position = after;
        Ok(lines)
    }
}

/// Runs what waits for the disk where it may.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, LogError> {
    Ok(tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| LogError::Closed)??)
}
