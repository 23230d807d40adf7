//! The server's share of the data directory: what lies where, and that only one server uses it.
//!
//! ```text
//! DATA/server.lock       held by the server that runs; its process id is in it
//! DATA/coracle.sock      where clients of this machine reach it
//! DATA/auth/             secrets of the first start
//! DATA/state/            functions, revisions, secrets, events, logs
//! DATA/builder/          what a server keeps that only builds
//! DATA/store/            images and caches, shared with every other process
//! ```

use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::function_builder::Role;
use coracle_spec::{Class, Failure};
use fs_err as fs;
use rustix::fs::{FlockOperation, flock};

/// Why a data directory cannot be served from.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another server uses it.
    #[error("another server uses `{path}`: process {pid}")]
    Owned {
        /// The directory.
        path: PathBuf,
        /// The server's process, as it wrote it.
        pid: String,
    },
    /// The file system refused.
    #[error("cannot use the data directory `{path}`")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What it answered.
        source: std::io::Error,
    },
}

impl Failure for DataError {
    fn class(&self) -> Class {
        match self {
            Self::Owned { .. } => Class::Conflict,
            Self::Io { .. } => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Owned { .. } => Some("stop it, or choose another directory with `--data`".to_owned()),
            Self::Io { .. } => Some("choose a directory that you may write to with `--data`".to_owned()),
        }
    }
}

/// A data directory that this process serves from. It is given back when dropped, or when the process ends.
#[derive(Debug)]
pub struct DataDirectory {
    root: PathBuf,
    lock: fs::File,
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        // Closing does not free it while a child between its fork and the start of its program has it open too.
        let _ = self.lock.file().unlock();
    }
}

impl DataDirectory {
    /// Takes a data directory, and makes it if it is not there.
    pub fn take(root: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io {
            path: root.to_owned(),
            source,
        };
        fs::create_dir_all(root).map_err(io)?;
        let mut lock = fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(root.join("server.lock"))
            .map_err(io)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(DataError::Owned {
                path: root.to_owned(),
                pid: owner(&mut lock),
            });
        }
        sign(&mut lock).map_err(io)?;
        for folder in ["auth", "state", "builder"] {
            private_directory(&root.join(folder)).map_err(io)?;
        }
        let root = fs::canonicalize(root).map_err(io)?;
        Ok(Self { root, lock })
    }

    /// Answers the directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Answers where clients of this machine reach the server.
    pub fn socket(&self) -> PathBuf {
        socket(&self.root)
    }

    /// Answers where the secrets of the first start are.
    pub fn auth(&self) -> PathBuf {
        self.root.join("auth")
    }

    /// Answers where the state is.
    pub fn state(&self) -> PathBuf {
        state(&self.root)
    }

    /// Answers where the state of a server is that has this role: one that only builds has no functions, and leaves
    /// those alone that another one on the same data has.
    pub(crate) fn state_of(&self, role: Role) -> PathBuf {
        match role {
            Role::All => self.state(),
            Role::Builder => self.root.join("builder"),
        }
    }

    /// Answers where images and caches are.
    pub fn store(&self) -> PathBuf {
        store(&self.root)
    }
}

/// Answers where the server of a data directory is reached from this machine.
pub fn socket(data: &Path) -> PathBuf {
    data.join("coracle.sock")
}

/// Answers where a data directory keeps images and caches.
pub fn store(data: &Path) -> PathBuf {
    data.join("store")
}

/// Answers where a data directory keeps what is deployed.
pub(crate) fn state(data: &Path) -> PathBuf {
    data.join("state")
}

fn owner(lock: &mut fs::File) -> String {
    let mut pid = String::new();
    let _ = lock.read_to_string(&mut pid);
    pid.trim().to_owned()
}

fn sign(lock: &mut fs::File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn private_directory(path: &Path) -> std::io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_told_whose_the_directory_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDirectory::take(folder.path()).unwrap();
        let Err(error) = DataDirectory::take(folder.path()) else {
            panic!("two servers on one directory")
        };
        assert!(
            error
                .to_string()
                .ends_with(&format!("process {}", std::process::id())),
            "{error}"
        );
        assert_eq!(error.class(), Class::Conflict);
        drop(first);
        DataDirectory::take(folder.path()).unwrap();
    }
}
