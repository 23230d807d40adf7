//! `coracle.lock` on disk: read before the plan is made, written when a build pinned something new.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use coracle_plan::lock::FILE_NAME;
use coracle_plan::{InvalidLock, Lock};
use coracle_spec::{Class, Failure};
use fs_err as fs;

/// Why a lock file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockFileError {
    /// It cannot be read.
    #[error("cannot read the lock file")]
    Read(#[source] io::Error),
    /// It says nothing that makes sense.
    #[error("cannot use the lock file `{path}`")]
    Invalid {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        source: InvalidLock,
    },
    /// It cannot be written.
    #[error("cannot write the lock file")]
    Write(#[source] io::Error),
}

impl Failure for LockFileError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid { source, .. } => source.hint(),
            Self::Write(_) => {
                Some("make the source folder writable, or build with a lock file that is complete".into())
            }
            Self::Read(_) => None,
        }
    }
}

/// Reads the lock file of the project in `folder`; an empty lock when there is none.
pub(crate) fn read(folder: &Path) -> Result<Lock, LockFileError> {
    let path = folder.join(FILE_NAME);
    match fs::read_to_string(&path) {
        Ok(text) => Lock::parse(&text).map_err(|source| LockFileError::Invalid { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Lock::default()),
        Err(error) => Err(LockFileError::Read(error)),
    }
}

/// Writes the lock file of the project in `folder` in one piece.
pub(crate) fn write(folder: &Path, lock: &Lock) -> Result<(), LockFileError> {
    let text = lock
        .to_toml()
        .map_err(|error| LockFileError::Write(io::Error::other(error)))?;
    let replace = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".coracle.lock.")
            .tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file()
            .set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        file.persist(folder.join(FILE_NAME))
            .map_err(|error| error.error)?;
        Ok(())
    };
    replace().map_err(LockFileError::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_lock_file_is_an_empty_lock_and_a_broken_one_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), Lock::default());
        fs::write(folder.path().join(FILE_NAME), "version = [").unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(matches!(error, LockFileError::Invalid { .. }));
        assert!(error.hint().unwrap().contains("version control"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut lock = Lock::default();
        lock.put_base(
            "python",
            toml::Table::from_iter([("release".to_owned(), "trixie".into())]),
        );
        write(folder.path(), &lock).unwrap();
        assert_eq!(read(folder.path()).unwrap(), lock);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
