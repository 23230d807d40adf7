//! An image out of a repository, for the party whose builds that is for.

use std::collections::BTreeSet;

use coracle_spec::Digest;

use crate::error::RegistryError;
use crate::manifests::DEEPEST;
use crate::names::{Reference, Repository};
use crate::registry::Registry;

/// An image in a repository of somebody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedImage {
    /// Its manifest, or the index of several.
    pub manifest: Digest,
    /// That, and all that it names, directly or not, as far as the repository has it.
    pub blobs: Vec<Digest>,
}

impl Registry {
    /// Looks an image up for `owner`; nothing when the repository is not theirs, or lacks it.
    ///
    /// What documents name is taken from where manifests name it, and nowhere else: a label may hold any digest.
    pub fn owned(
        &self,
        repository: &Repository,
        reference: &Reference,
        owner: &str,
    ) -> Result<Option<OwnedImage>, RegistryError> {
        let is_theirs = self.owner(repository)?.is_some_and(|noted| noted == owner);
        if !is_theirs || repository.is_of_function() {
            return Ok(None);
        }
        let Some(found) = self.resolve(repository, reference)? else {
            return Ok(None);
        };
        let mut blobs = BTreeSet::new();
        self.gather(repository, found.digest, &mut blobs, DEEPEST)?;
        Ok(Some(OwnedImage {
            manifest: found.digest,
            blobs: blobs.into_iter().collect(),
        }))
    }

    /// Adds a manifest that the repository has, and what it names; once, however often indexes name it.
    fn gather(
        &self,
        repository: &Repository,
        manifest: Digest,
        blobs: &mut BTreeSet<Digest>,
        deeper: usize,
    ) -> Result<(), RegistryError> {
        if blobs.contains(&manifest) {
            return Ok(());
        }
        let Some(document) = self.document(repository, &manifest)? else {
            return Ok(());
        };
        blobs.insert(manifest);
        for part in document.blobs() {
            if self.blob(repository, &part)?.is_some() {
                blobs.insert(part);
            }
        }
        for part in document.manifests() {
            let is_here = self.resolve(repository, &Reference::Digest(part))?.is_some();
            if let Some(deeper) = deeper.checked_sub(1).filter(|_| is_here) {
                self.gather(repository, part, blobs, deeper)?;
            }
        }
        Ok(())
    }
}
