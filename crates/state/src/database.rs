//! The database: one thread that writes, a few connections that read.
//!
//! Changes that arrive together share one transaction, so that a burst pays for one sync of the disk; each is a
//! savepoint of its own, so that one that fails takes no other with it. `synchronous=FULL`: who is told that a deploy
//! is done can rely on it even if the power fails; `NORMAL` would lose the last commits, and the price of a sync
//! matters little away from the way of requests. A pool of writers lost: `SQLite` has one writer at a time anyway.

mod readers;
mod schema;
mod writer;

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use self::readers::Readers;
use self::writer::Writer;
use crate::error::StateError;

/// How long a statement waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(5);

/// The database.
pub(crate) struct Database {
    // In this order: what is written ends before the readers close.
    writer: Writer,
    readers: Readers,
}

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        keep_private(path)?;
        let connection = connect(path, OpenFlags::default())?;
        schema::migrate(&connection)?;
        Ok(Self {
            writer: Writer::start(connection)?,
            readers: Readers::of(path),
        })
    }

    /// Runs `change` in a transaction, and answers when it is on the disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.writer.write(change).await
    }

    /// Runs `query` on a snapshot of what is written.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        self.readers.read(query).await
    }
}

/// Makes the file readable by its owner only; the files that `SQLite` puts beside it are as private as it is.
fn keep_private(path: &Path) -> Result<(), StateError> {
    let mut options = fs_err::OpenOptions::new();
    options.append(true).create(true);
    options.options_mut().mode(0o600);
    options.open(path).map(drop).map_err(StateError::Directory)
}

/// Opens a connection; makes no tables.
pub(crate) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StateError> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Replaced passwords are not to be found in the file.
        connection.pragma_update(None, "secure_delete", true)?;
        Ok(connection)
    };
    open().map_err(|source| StateError::Open {
        path: path.to_owned(),
        source,
    })
}
