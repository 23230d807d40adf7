//! Why the state cannot be read or written.

use std::io;
use std::path::PathBuf;

use coracle_spec::{Class, Failure, FunctionId, RegistryName};
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
    /// Nothing is stored under the name of a registry's credential.
    #[error("there is no stored credential `{0}` for a registry")]
    UnknownRegistry(RegistryName),
    /// A credential is to be removed that revisions name.
    #[error("the credential `{name}` is in use by {}", listed(users))]
    RegistryInUse {
        /// Its name.
        name: RegistryName,
        /// The functions of these revisions.
        users: Vec<FunctionId>,
    },
    /// The log segments cannot be opened.
    #[error("cannot open the logs")]
    Logs(#[source] io::Error),
    /// The state was closed while somebody used it.
    #[error("the state is closed")]
    Closed,
}

fn listed(functions: &[FunctionId]) -> String {
    let quoted: Vec<_> = functions.iter().map(|function| format!("`{function}`")).collect();
    quoted.join(", ")
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
            (Self::Newer { .. } | Self::UnknownRegistry(_), _) => Class::User,
            (Self::RegistryInUse { .. }, _) => Class::Conflict,
            (Self::Closed, _) | (_, Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)) => {
                Class::Unavailable
            }
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match (self, self.code()) {
            (Self::UnknownRegistry(name), _) => {
                return Some(format!(
                    "store it with `coracle registry login HOST --name {name}`"
                ));
            }
            (Self::RegistryInUse { .. }, _) => {
                "remove these functions first; logging in again under the same name replaces it"
            }
            (_, Some(ErrorCode::DiskFull)) => "free space on the disk that holds the data directory",
            (_, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)) => {
                "run as the user that owns the data directory"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
