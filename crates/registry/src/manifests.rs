//! Which manifests a repository has.
//!
//! The link is written last but for the tag, so that a crash leaves a manifest that is there with all it names, or
//! none. Those who change the same repository take turns; that pushes of blobs do not is what takes the time.

use coracle_content::Store;
use coracle_spec::Digest;

use crate::document::Document;
use crate::error::RegistryError;
use crate::links;
use crate::names::{Reference, Repository, Tag};
use crate::registry::Registry;

/// How deep indexes may be nested in an image that is put into a repository.
pub(crate) const DEEPEST: usize = 4;

/// A manifest in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its media type, as it was pushed.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A manifest on its way into a repository.
pub(crate) struct Pushed<'a> {
    pub(crate) reference: &'a Reference,
    /// The media type that its sender says, if it says one.
    pub(crate) media_type: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
}

/// A manifest that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) digest: Digest,
    pub(crate) subject: Option<Digest>,
}

impl Registry {
    /// Looks a manifest up.
    pub fn resolve(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<Manifest>, RegistryError> {
        let digest = match reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(tag) => self.tagged(repository, tag)?,
        };
        let Some(digest) = digest else { return Ok(None) };
        let Some(media_type) = links::read(&self.layout().manifest(repository, &digest))? else {
            return Ok(None);
        };
        let blob = self.store().blob(&digest)?;
        Ok(blob.map(|blob| Manifest {
            digest,
            media_type,
            size: blob.size,
        }))
    }

    /// Puts an image that is in the store into a repository, with all that it names, and gives it a tag.
    ///
    /// Whoever calls leases the image, or has made it just now.
    pub fn put_image(
        &self,
        repository: &Repository,
        tag: &Tag,
        manifest: &Digest,
    ) -> Result<(), RegistryError> {
        self.put_untagged(repository, manifest)?;
        self.tag(repository, tag, manifest)
    }

    /// Puts an image that is in the store into a repository, with all that it names. Whoever calls leases it.
    pub(crate) fn put_untagged(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<(), RegistryError> {
        let held = self.store().held()?;
        self.adopt(&held, repository, manifest, DEEPEST)
    }

    /// Takes a manifest whose parts the repository has.
    pub(crate) fn put_manifest(
        &self,
        repository: &Repository,
        pushed: &Pushed<'_>,
    ) -> Result<Taken, RegistryError> {
        let document = Document::read(pushed.bytes, pushed.media_type)?;
        let digest = Digest::of(pushed.bytes);
        if let Reference::Digest(expected) = pushed.reference
            && *expected != digest
        {
            return Err(RegistryError::Mismatch {
                expected: *expected,
                found: digest,
            });
        }
        self.check(repository, &document)?;
        let held = self.store().held()?;
        held.put_blob(pushed.bytes)?;
        self.enter(repository, &document, (&digest, pushed.bytes.len() as u64))?;
        if let Reference::Tag(tag) = pushed.reference {
            self.tag(repository, tag, &digest)?;
        }
        drop(held);
        Ok(Taken {
            digest,
            subject: document.subject(),
        })
    }

    /// Takes a manifest, with its tags, or a tag out of a repository. With its last manifest, its name is free.
    pub fn remove_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<(), RegistryError> {
        let _alone = self.alone(repository)?;
        let removed = match reference {
            Reference::Tag(tag) => links::remove(&self.layout().tag(repository, tag))?,
            Reference::Digest(digest) => self.forget(repository, digest)?,
        };
        if removed {
            return self.free_if_empty(repository);
        }
        Err(RegistryError::NoManifest {
            repository: repository.clone(),
            reference: reference.clone(),
        })
    }

    /// Takes a manifest out of a repository that nobody else changes meanwhile; answers whether it was there.
    pub(crate) fn forget(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        let path = self.layout().manifest(repository, digest);
        if links::read(&path)?.is_none() {
            return Ok(false);
        }
        self.untag(repository, digest)?;
        if let Some(subject) = self
            .document(repository, digest)?
            .and_then(|document| document.subject())
        {
            links::remove(&self.layout().referrers(repository, &subject).join(digest.hex()))?;
        }
        links::remove(&path)
    }

    /// Reads a manifest that the repository has; `None` when it cannot be read any more.
    pub(crate) fn document(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Document>, RegistryError> {
        let media_type = links::read(&self.layout().manifest(repository, digest))?;
        let Some(blob) = self.store().blob(digest)? else {
            return Ok(None);
        };
        let bytes = blob.read(self.limits().manifest)?;
        Ok(Document::read(&bytes, media_type.as_deref()).ok())
    }

    /// Fails if the repository lacks something that a manifest names. What it has stays from now on, at least for the
    /// grace time.
    fn check(&self, repository: &Repository, document: &Document) -> Result<(), RegistryError> {
        let unmet = |digest| RegistryError::Unmet {
            repository: repository.clone(),
            digest,
        };
        for digest in document.blobs() {
            self.blob(repository, &digest)?.ok_or_else(|| unmet(digest))?;
        }
        for digest in document.manifests() {
            // Caches of builds are indexes of blobs.
            if self.resolve(repository, &Reference::Digest(digest))?.is_none() {
                self.blob(repository, &digest)?.ok_or_else(|| unmet(digest))?;
            }
        }
        Ok(())
    }

    /// Notes that a repository has a manifest. It is leased.
    fn enter(
        &self,
        repository: &Repository,
        document: &Document,
        (digest, size): (&Digest, u64),
    ) -> Result<(), RegistryError> {
        let layout = self.layout();
        let _alone = self.alone(repository)?;
        if let Some(subject) = document.subject() {
            let path = layout.referrers(repository, &subject).join(digest.hex());
            let text = serde_json::to_vec(&document.referrer(*digest, size)).unwrap_or_default();
            layout.put(&path, &text)?;
        }
        layout.put(
            &layout.manifest(repository, digest),
            document.media_type.as_bytes(),
        )
    }

    /// Notes that a repository has a manifest in the store and all that it names.
    fn adopt(
        &self,
        held: &Store,
        repository: &Repository,
        digest: &Digest,
        deeper: usize,
    ) -> Result<(), RegistryError> {
        let blob = held.existing_blob(digest)?;
        let document = Document::read(&blob.read(self.limits().manifest)?, None)?;
        for part in document.blobs() {
            held.existing_blob(&part)?;
            self.link(repository, &part)?;
        }
        let deeper = deeper
            .checked_sub(1)
            .ok_or_else(|| RegistryError::Manifest("its indexes are nested too deeply".to_owned()))?;
        for part in document.manifests() {
            self.adopt(held, repository, &part, deeper)?;
        }
        self.enter(repository, &document, (digest, blob.size))
    }
}
