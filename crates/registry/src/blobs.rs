//! Which blobs a repository has.
//!
//! A link keeps its blob: for the grace time by itself, then by the manifests that name it. Its modification time
//! is when it was last pushed, mounted or asked for; that is renewed in steps, so that asking writes nothing mostly.

use std::time::Duration;

use coracle_content::{Blob, Store};
use coracle_spec::Digest;

use crate::error::RegistryError;
use crate::links;
use crate::names::Repository;
use crate::registry::Registry;

/// A link that is younger is not renewed.
const FRESH: Duration = Duration::from_hours(1);

impl Registry {
    /// Looks a blob up. One that is found stays for the grace time.
    pub fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<Blob>, RegistryError> {
        match links::since(&self.layout().blob(repository, digest))? {
            None => Ok(None),
            Some(time) if links::age(time) < FRESH => Ok(self.store().blob(digest)?),
            Some(_) => self.renew(repository, digest),
        }
    }

    /// Looks up a blob that must be there.
    pub(crate) fn existing_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Blob, RegistryError> {
        let missing = || RegistryError::NoBlob {
            repository: repository.clone(),
            digest: *digest,
        };
        self.blob(repository, digest)?.ok_or_else(missing)
    }

    /// Lets `repository` have a blob that `from` has; answers whether that has it.
    pub fn mount(
        &self,
        repository: &Repository,
        digest: &Digest,
        from: &Repository,
    ) -> Result<bool, RegistryError> {
        if self.blob(from, digest)?.is_none() {
            return Ok(false);
        }
        self.link(repository, digest)?;
        Ok(true)
    }

    /// Takes a blob out of a repository. Manifests that name it keep the bytes.
    pub fn remove_blob(&self, repository: &Repository, digest: &Digest) -> Result<(), RegistryError> {
        let _alone = self.alone(repository)?;
        if links::remove(&self.layout().blob(repository, digest))? {
            return Ok(());
        }
        Err(RegistryError::NoBlob {
            repository: repository.clone(),
            digest: *digest,
        })
    }

    /// Notes that a repository has a blob, durably. The blob is leased, or linked elsewhere.
    pub(crate) fn link(&self, repository: &Repository, digest: &Digest) -> Result<(), RegistryError> {
        self.layout().put(&self.layout().blob(repository, digest), b"")
    }

    /// A link this old may be about to be tidied away, and its blob to be collected: the lease goes before the
    /// look-up, and the lock before the link.
    fn renew(&self, repository: &Repository, digest: &Digest) -> Result<Option<Blob>, RegistryError> {
        let held: Store = self.store().held()?;
        let Some(blob) = held.blob(digest)? else {
            return Ok(None);
        };
        let _alone = self.alone(repository)?;
        if links::since(&self.layout().blob(repository, digest))?.is_none() {
            return Ok(None);
        }
        self.link(repository, digest)?;
        Ok(Some(blob))
    }
}
