//! Uploads: blobs that arrive in parts, with several requests, which several processes may take.
//!
//! What has arrived is a file, so that it outlives whoever received it; its length says how much that is, and its
//! modification time when the last byte came. Who writes holds it locked. The hash cannot be kept in a file: whoever
//! has it in memory hands it back, and for everybody else the file is read once more.

use std::fs::TryLockError;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use coracle_spec::{Digest, Hasher};
use fs_err as fs;

use crate::blob::Blob;
use crate::error::{Context, StoreError};
use crate::scratch::{new_file, same};
use crate::store::Store;

/// How much is read at once of what was not hashed yet.
const PIECE: usize = 1 << 20;

/// The hash of what an upload began with.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    hasher: Hasher,
    size: u64,
}

/// A blob that arrives in parts, held by its writer. Dropped, what has arrived stays for the next one.
///
/// Its writes go straight to the file: write in large pieces.
#[derive(Debug)]
pub struct Upload {
    store: Store,
    path: PathBuf,
    file: fs::File,
    hashed: Progress,
    size: u64,
}

impl Store {
    /// Starts an upload that `key` names: nobody has used that name before.
    pub fn begin_upload(&self, key: &Digest) -> Result<Upload, StoreError> {
        let path = self.upload_path(key);
        let file = new_file(&path).context("make", &path)?;
        file.file().try_lock().map_err(|error| refused(&path, error))?;
        Ok(Upload {
            store: self.clone(),
            path,
            file,
            hashed: Progress::default(),
            size: 0,
        })
    }

    /// Takes an upload up again; `None` if there is none. `hashed` is what [`Upload::pause`] answered, or empty.
    pub fn resume_upload(&self, key: &Digest, hashed: Progress) -> Result<Option<Upload>, StoreError> {
        let path = self.upload_path(key);
        let file = match fs::OpenOptions::new().read(true).append(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.context("open", &path)?,
        };
        file.file().try_lock().map_err(|error| refused(&path, error))?;
        if !same(&file, &path) {
            return Ok(None);
        }
        let size = file.metadata().context("look at", &path)?.len();
        Ok(Some(Upload {
            store: self.clone(),
            path,
            file,
            hashed: if hashed.size <= size {
                hashed
            } else {
                Progress::default()
            },
            size,
        }))
    }

    /// Answers how many bytes of an upload have arrived; `None` if there is no such upload.
    pub fn upload_size(&self, key: &Digest) -> Result<Option<u64>, StoreError> {
        let path = self.upload_path(key);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("look at", &path),
        }
    }

    /// Answers how many uploads there are.
    pub fn count_uploads(&self) -> Result<usize, StoreError> {
        let folder = self.folder("uploads");
        Ok(fs::read_dir(&folder).context("list", &folder)?.count())
    }

    /// Removes uploads whose last byte came more than `unused` ago.
    pub fn expire_uploads(&self, unused: Duration) -> Result<(), StoreError> {
        let folder = self.folder("uploads");
        for entry in fs::read_dir(&folder).context("list", &folder)? {
            let path = entry.context("list", &folder)?.path();
            let modified = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > unused) {
                remove_unless_held(&path).context("remove", &path)?;
            }
        }
        Ok(())
    }

    fn upload_path(&self, key: &Digest) -> PathBuf {
        self.folder("uploads").join(key.hex())
    }
}

impl Upload {
    /// Answers how many bytes have arrived.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Answers where it lies, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers the store that it goes to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Lets others go on with it. The answer spares who does from reading it again.
    pub fn pause(mut self) -> Progress {
        std::mem::take(&mut self.hashed)
    }

    /// Makes the blob durable and visible if it has the digest `expected`; else removes what has arrived.
    pub fn commit_expecting(mut self, expected: &Digest) -> Result<Blob, StoreError> {
        self.catch_up()?;
        let found = self.hashed.hasher.clone().finish();
        if found != *expected {
            self.cancel()?;
            return Err(StoreError::Mismatch {
                expected: *expected,
                found,
            });
        }
        let blob = self.store.publish(&self.file, &self.path, expected)?;
        // It is still there when the blob was.
        self.cancel()?;
        Ok(blob)
    }

    /// Removes what has arrived.
    pub fn cancel(self) -> Result<(), StoreError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("remove", &self.path),
            _ => Ok(()),
        }
    }

    /// Hashes what arrived and was not hashed.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        if self.hashed.size == self.size {
            return Ok(());
        }
        let mut piece = vec![0; PIECE];
        self.file
            .seek(SeekFrom::Start(self.hashed.size))
            .context("read", &self.path)?;
        loop {
            let count = self.file.read(&mut piece).context("read", &self.path)?;
            if count == 0 {
                return Ok(());
            }
            self.hashed.hasher.update(&piece[..count]);
            self.hashed.size += count as u64;
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Closing does not free it at once when another thread just starts a program: until that program runs, the child
        // has the file open too. The next part of the upload may come sooner.
        let _ = self.file.file().unlock();
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        if self.hashed.size == self.size {
            self.hashed.hasher.update(&bytes[..count]);
            self.hashed.size += count as u64;
        }
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refused(path: &Path, error: TryLockError) -> StoreError {
    match error {
        TryLockError::WouldBlock => StoreError::Writing,
        TryLockError::Error(error) => StoreError::io("lock", path, error),
    }
}

fn remove_unless_held(path: &Path) -> io::Result<()> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result?,
    };
    match file.file().try_lock() {
        Ok(()) if same(&file, path) => fs::remove_file(path),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        (root, store)
    }

    #[test]
    fn an_upload_goes_on_where_it_was_with_and_without_its_hash() {
        let (_root, store) = store();
        let key = Digest::of("key");
        let mut upload = store.begin_upload(&key).unwrap();
        upload.write_all(b"one ").unwrap();
        let hash = upload.pause();
        let mut upload = store.resume_upload(&key, hash).unwrap().unwrap();
        upload.write_all(b"two ").unwrap();
        drop(upload);
        let mut upload = store.resume_upload(&key, Progress::default()).unwrap().unwrap();
        upload.write_all(b"three").unwrap();
        assert_eq!(store.upload_size(&key).unwrap(), Some(13));
        let blob = upload.commit_expecting(&Digest::of("one two three")).unwrap();
        assert_eq!(blob.read(100).unwrap(), b"one two three");
        assert_eq!(store.upload_size(&key).unwrap(), None);
    }

    #[test]
    fn one_writes_at_a_time_and_what_is_written_does_not_expire() {
        let (_root, store) = store();
        let key = Digest::of("key");
        let upload = store.begin_upload(&key).unwrap();
        let second = store.resume_upload(&key, Progress::default());
        assert!(matches!(second, Err(StoreError::Writing)));
        store.expire_uploads(Duration::ZERO).unwrap();
        assert_eq!(store.count_uploads().unwrap(), 1);
        drop(upload);
        store.expire_uploads(Duration::from_mins(1)).unwrap();
        assert_eq!(store.count_uploads().unwrap(), 1);
        store.expire_uploads(Duration::ZERO).unwrap();
        assert_eq!(store.count_uploads().unwrap(), 0);
    }

    #[test]
    fn a_child_that_has_the_file_open_too_does_not_hold_up_the_next_part() {
        let (_root, store) = store();
        let key = Digest::of("key");
        let upload = store.begin_upload(&key).unwrap();
        // As between a fork and the start of a program.
        let _inherited = upload.file.try_clone().unwrap();
        let hashed = upload.pause();
        assert!(store.resume_upload(&key, hashed).unwrap().is_some());
    }

    #[test]
    fn what_is_not_what_was_promised_is_gone() {
        let (_root, store) = store();
        let mut upload = store.begin_upload(&Digest::of("key")).unwrap();
        upload.write_all(b"something").unwrap();
        let error = upload.commit_expecting(&Digest::of("else")).unwrap_err();
        assert!(matches!(error, StoreError::Mismatch { .. }));
        assert_eq!(store.count_uploads().unwrap(), 0);
        assert!(store.blob(&Digest::of("something")).unwrap().is_none());
    }

    #[test]
    fn a_blob_that_is_there_already_is_taken_and_the_upload_goes() {
        let (_root, store) = store();
        let there = store.put_blob(b"bytes").unwrap();
        let mut upload = store.begin_upload(&Digest::of("key")).unwrap();
        upload.write_all(b"bytes").unwrap();
        assert_eq!(upload.commit_expecting(&there.digest).unwrap(), there);
        assert_eq!(store.count_uploads().unwrap(), 0);
    }
}
