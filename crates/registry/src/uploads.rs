//! Uploads to a repository. The store names them by the repository and their id, so that an id is of no use in
//! another repository.

use std::io::Write as _;
use std::sync::{MutexGuard, PoisonError};

use coracle_content::{Blob, Progress, Store, StoreError, Upload};
use coracle_spec::Digest;

use crate::error::{Context as _, RegistryError, is_full};
use crate::names::Repository;
use crate::registry::Registry;

/// Which upload: a repository and what the registry called it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UploadName {
    pub(crate) repository: Repository,
    pub(crate) id: String,
}

impl UploadName {
    /// Names an upload that nobody has begun.
    pub(crate) fn fresh(repository: Repository) -> Self {
        Self {
            repository,
            id: format!("{:032x}", rand::random::<u128>()),
        }
    }

    fn key(&self) -> Digest {
        Digest::of_value(&("upload", self.repository.as_str(), &self.id))
    }

    fn missing(&self) -> RegistryError {
        RegistryError::NoUpload(self.repository.clone())
    }
}

impl Registry {
    /// Begins an upload.
    pub(crate) fn begin(&self, name: &UploadName) -> Result<Upload, RegistryError> {
        let held = self.store().held()?;
        if held.count_uploads()? >= self.limits().uploads {
            held.expire_uploads(self.limits().grace)?;
            if held.count_uploads()? >= self.limits().uploads {
                return Err(RegistryError::TooMany("unfinished uploads"));
            }
        }
        Ok(held.begin_upload(&name.key())?)
    }

    /// Takes an upload up again.
    pub(crate) fn resume(&self, name: &UploadName) -> Result<Upload, RegistryError> {
        let key = name.key();
        let held: Store = self.store().held()?;
        let hashed = self.hashed().get(&key).cloned().unwrap_or_default();
        held.resume_upload(&key, hashed)?.ok_or_else(|| name.missing())
    }

    /// Lets an upload wait for its next part.
    pub(crate) fn pause(&self, name: &UploadName, upload: Upload) {
        let mut hashes = self.hashed();
        // What is forgotten is read again, so any of them may go.
        if hashes.len() >= self.limits().uploads {
            hashes.pop_first();
        }
        hashes.insert(name.key(), upload.pause());
    }

    /// Answers how much of an upload has arrived, in bytes.
    pub(crate) fn arrived(&self, name: &UploadName) -> Result<u64, RegistryError> {
        self.store()
            .upload_size(&name.key())?
            .ok_or_else(|| name.missing())
    }

    /// Makes an upload a blob of its repository.
    ///
    /// The upload's store is held, so that the blob is leased until its link is there.
    pub(crate) fn finish(
        &self,
        name: &UploadName,
        upload: Upload,
        digest: &Digest,
    ) -> Result<Blob, RegistryError> {
        self.hashed().remove(&name.key());
        let lease = upload.store().clone();
        let blob = upload.commit_expecting(digest)?;
        self.link(&name.repository, digest)?;
        drop(lease);
        Ok(blob)
    }

    /// Removes an upload.
    pub(crate) fn cancel(&self, name: &UploadName) -> Result<(), RegistryError> {
        let upload = self.resume(name)?;
        self.hashed().remove(&name.key());
        Ok(upload.cancel()?)
    }

    fn hashed(&self) -> MutexGuard<'_, std::collections::BTreeMap<Digest, Progress>> {
        self.hashes().lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds `bytes` to an upload that may have `limit` bytes. One that finds the disk full is removed: it could not be
/// finished, and what it takes may be all that is missing.
pub(crate) fn append(mut upload: Upload, bytes: &[u8], limit: u64) -> Result<Upload, RegistryError> {
    if upload.size() + bytes.len() as u64 > limit {
        upload.cancel()?;
        return Err(RegistryError::TooLarge { limit });
    }
    match upload.write_all(bytes) {
        Err(error) if is_full(&error) => {
            let error = StoreError::io("write", upload.path(), error);
            upload.cancel()?;
            Err(error.into())
        }
        result => result.context("write", upload.path()).map(|()| upload),
    }
}
