//! The thread that writes.

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::StateError;

/// Changes that may wait for the thread; more wait in their callers.
const QUEUE: usize = 256;

/// A change, in its transaction. What it answers is called once it is known whether the transaction holds.
type Change = Box<dyn FnOnce(&Connection) -> Announce + Send>;

/// Tells whoever waits; takes the reason when the transaction does not hold.
type Announce = Box<dyn FnOnce(Result<(), rusqlite::Error>) + Send>;

/// The thread that writes. Dropping it waits until everything that was asked for is written.
pub(super) struct Writer {
    changes: Option<mpsc::Sender<Change>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, StateError> {
        let (sender, changes) = mpsc::channel(QUEUE);
        let run = move || write_all(&connection, changes);
        let thread = std::thread::Builder::new().name("state".to_owned()).spawn(run);
        Ok(Self {
            changes: Some(sender),
            thread: Some(thread.map_err(StateError::Directory)?),
        })
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let (sender, answer) = oneshot::channel();
        let change: Change = Box::new(move |connection| {
            let result = in_savepoint(connection, change);
            Box::new(move |held| {
                let _ = sender.send(result.and_then(|value| held.map(|()| value).map_err(StateError::from)));
            })
        });
        let changes = self.changes.as_ref().ok_or(StateError::Closed)?;
        changes.send(change).await.map_err(|_| StateError::Closed)?;
        answer.await.map_err(|_| StateError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.changes.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_all(connection: &Connection, mut changes: mpsc::Receiver<Change>) {
    while let Some(first) = changes.blocking_recv() {
        let mut together = vec![first];
        while together.len() < QUEUE
            && let Ok(next) = changes.try_recv()
        {
            together.push(next);
        }
        commit(connection, together);
    }
}

fn commit(connection: &Connection, changes: Vec<Change>) {
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    let announce: Vec<Announce> = changes.into_iter().map(|change| change(connection)).collect();
    let held = begun.and_then(|()| connection.execute_batch("COMMIT"));
    if held.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    let mut failure = held.err();
    for announce in announce {
        announce(failure.take().map_or(Ok(()), |error| {
            failure = Some(copy(&error));
            Err(error)
        }));
    }
}

/// Answers another error of the same kind, for the next one that waits.
fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            rusqlite::Error::SqliteFailure(*code, message.clone())
        }
        other => rusqlite::Error::ToSqlConversionFailure(other.to_string().into()),
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, StateError>,
) -> Result<T, StateError> {
    if connection.is_autocommit() {
        // The transaction did not begin; nothing may be written outside one.
        return Err(StateError::Closed);
    }
    connection.execute_batch("SAVEPOINT change")?;
    let result = change(connection);
    let end = if result.is_ok() {
        "RELEASE change"
    } else {
        "ROLLBACK TO change; RELEASE change"
    };
    connection.execute_batch(end)?;
    result
}
