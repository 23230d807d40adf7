//! Blobs: bytes named by their SHA-256.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use coracle_spec::{Digest, Hasher};
use fs_err as fs;

use crate::error::{Context, StoreError};
use crate::store::Store;
use crate::touch;

/// A blob in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is.
    pub path: PathBuf,
}

impl Blob {
    /// Opens it for reading.
    pub fn open(&self) -> Result<fs::File, StoreError> {
        fs::File::open(&self.path).context("open", &self.path)
    }

    /// Reads it whole, when it has at most `limit` bytes.
    pub fn read(&self, limit: u64) -> Result<Vec<u8>, StoreError> {
        if self.size > limit {
            return Err(StoreError::TooLarge {
                digest: self.digest,
                size: self.size,
                limit,
            });
        }
        let mut bytes = Vec::new();
        self.open()?
            .take(limit)
            .read_to_end(&mut bytes)
            .context("read", &self.path)?;
        Ok(bytes)
    }
}

impl Store {
    /// Looks a blob up.
    pub fn blob(&self, digest: &Digest) -> Result<Option<Blob>, StoreError> {
        self.keep(digest)?;
        let path = self.blob_path(digest);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => {
                touch::used(&path, &metadata);
                Ok(Some(Blob {
                    digest: *digest,
                    size: metadata.len(),
                    path,
                }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("look at", &path),
        }
    }

    /// Looks up a blob that something refers to.
    pub fn existing_blob(&self, digest: &Digest) -> Result<Blob, StoreError> {
        self.blob(digest)?.ok_or(StoreError::Missing { digest: *digest })
    }

    /// Starts a blob.
    pub fn write_blob(&self) -> Result<BlobWriter, StoreError> {
        let (path, file) = self.scratch_file()?;
        Ok(BlobWriter {
            store: self.clone(),
            temporary: Temporary(path),
            file,
            hasher: Hasher::default(),
            size: 0,
        })
    }

    /// Stores `bytes`.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Blob, StoreError> {
        if let Some(blob) = self.blob(&Digest::of(bytes))? {
            return Ok(blob);
        }
        let mut writer = self.write_blob()?;
        writer.write_all(bytes).context("write", &writer.temporary.0)?;
        writer.commit()
    }
}

/// A blob in the making: hashes what is written to it. Dropped without a commit, it leaves nothing.
///
/// Its writes go straight to the file: write in large pieces.
#[derive(Debug)]
pub struct BlobWriter {
    store: Store,
    temporary: Temporary,
    file: fs::File,
    hasher: Hasher,
    size: u64,
}

impl BlobWriter {
    /// Answers how many bytes were written.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Answers where the unfinished blob lies, for messages.
    pub fn path(&self) -> &Path {
        &self.temporary.0
    }

    /// Makes the blob durable and visible.
    pub fn commit(self) -> Result<Blob, StoreError> {
        let digest = self.hasher.clone().finish();
        self.publish(digest)
    }

    /// Makes the blob durable and visible if it has the digest `expected`.
    pub fn commit_expecting(self, expected: &Digest) -> Result<Blob, StoreError> {
        let found = self.hasher.clone().finish();
        if found == *expected {
            self.publish(found)
        } else {
            Err(StoreError::Mismatch {
                expected: *expected,
                found,
            })
        }
    }

    fn publish(self, digest: Digest) -> Result<Blob, StoreError> {
        self.store.publish(&self.file, &self.temporary.0, &digest)
    }
}

impl Store {
    /// Makes `file`, which lies at `from` on the store's file system, durable and visible as the blob `digest`. If
    /// that is there already, it is answered, and the file left where it is.
    pub(crate) fn publish(&self, file: &fs::File, from: &Path, digest: &Digest) -> Result<Blob, StoreError> {
        if let Some(blob) = self.blob(digest)? {
            return Ok(blob);
        }
        let path = self.blob_path(digest);
        let size = file.metadata().context("look at", from)?.len();
        file.sync_all().context("write", &path)?;
        fs::rename(from, &path).context("name", &path)?;
        sync_folder(&path)?;
        Ok(Blob {
            digest: *digest,
            size,
            path,
        })
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(path);
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .context("write", folder)
}

/// A file that is gone when the value is, unless it was renamed.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
