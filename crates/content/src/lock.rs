//! Locks between processes and threads: identical work is done once.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use coracle_spec::Digest;
use fs_err as fs;

use crate::error::{Context, StoreError};
use crate::store::Store;

/// A lock that is held until the value is dropped or its process dies.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    _file: fs::File,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Removed while held: whoever waits on the old file sees that its name is gone and starts again.
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// Waits until nobody else does the work `kind` on `key`, then holds it.
    ///
    /// The wait is bounded by the holder's own deadline: a holder that dies releases it at once. Each call is its
    /// own holder, so a thread that asks twice waits for itself.
    pub fn lock(&self, kind: &'static str, key: &Digest) -> Result<Guard, StoreError> {
        let path = self.lock_path(kind, key);
        loop {
            let file = open(&path)?;
            file.file().lock().context("lock", &path)?;
            if names(&path, &file) {
                return Ok(Guard { path, _file: file });
            }
        }
    }

    /// Holds the work `kind` on `key`, or answers `None` when somebody else does it just now.
    pub fn try_lock(&self, kind: &'static str, key: &Digest) -> Result<Option<Guard>, StoreError> {
        let path = self.lock_path(kind, key);
        loop {
            let file = open(&path)?;
            match file.file().try_lock() {
                Ok(()) if names(&path, &file) => return Ok(Some(Guard { path, _file: file })),
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
                Err(std::fs::TryLockError::Error(error)) => return Err(error).context("lock", &path),
            }
        }
    }

    fn lock_path(&self, kind: &'static str, key: &Digest) -> PathBuf {
        self.folder("locks").join(format!("{kind}-{}", key.hex()))
    }
}

fn open(path: &Path) -> Result<fs::File, StoreError> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .context("open", path)
}

/// Answers whether `path` still names the locked file: its former holder removes it when done.
fn names(path: &Path, file: &fs::File) -> bool {
    match (fs::symlink_metadata(path), file.metadata()) {
        (Ok(named), Ok(held)) => named.ino() == held.ino(),
        _ => false,
    }
}
