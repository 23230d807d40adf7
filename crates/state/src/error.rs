//! Why the state cannot be read or written.

use std::io;
use std::path::PathBuf;

use coracle_spec::{Class, Failure, FunctionId};
use rusqlite::ErrorCode;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The directory, or a file in it, cannot be made.
    #[error("cannot make the state's files")]
    Directory(#[source] io::Error),
    /// The database cannot be opened.
    #[error("cannot open the database `{}`", path.display())]
    Open {
        /// Its file.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// The database was written by a newer version of the program.
    #[error("the database has version {found}, and this program knows versions up to {known}")]
    Newer {
        /// The version of the database.
        found: u32,
        /// The last version that this program knows.
        known: u32,
    },
    /// A statement failed.
    #[error("the database does not answer")]
    Database(#[from] rusqlite::Error),
    /// A stored value is not what it should be.
    #[error("the database holds an invalid {what}")]
    Invalid {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such function.
    #[error("there is no function `{0}`")]
    UnknownFunction(FunctionId),
    /// The function has no such revision.
    #[error("the function `{function}` has no revision {number}")]
    UnknownRevision {
        /// The function.
        function: FunctionId,
        /// The number asked for.
        number: u64,
    },
    /// The log segments cannot be opened.
    #[error("cannot open the logs")]
    Logs(#[source] io::Error),
    /// The state was closed while somebody used it.
    #[error("the state is closed")]
    Closed,
}

impl StateError {
    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Open { source, .. } | Self::Database(source) => source.sqlite_error_code(),
            _ => None,
        }
    }
}

impl Failure for StateError {
    fn class(&self) -> Class {
        match (self, self.code()) {
            (Self::UnknownFunction(_) | Self::UnknownRevision { .. }, _) => Class::NotFound,
            (Self::Newer { .. }, _) => Class::User,
            (Self::Closed, _) | (_, Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)) => {
                Class::Unavailable
            }
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match (self, self.code()?) {
            (_, ErrorCode::DiskFull) => {
                Some("free space on the disk that holds the data directory".to_owned())
            }
            (_, ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Some("run as the user that owns the data directory".to_owned())
            }
            _ => None,
        }
    }
}
