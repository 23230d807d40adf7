//! The tags of a repository.

use coracle_spec::Digest;

use crate::error::RegistryError;
use crate::links;
use crate::names::{Repository, Tag};
use crate::registry::Registry;

impl Registry {
    /// Answers the tags of a repository, in no order.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, RegistryError> {
        if !self.has(repository)? {
            return Err(RegistryError::NoRepository(repository.clone()));
        }
        let names = links::names(&self.layout().tags(repository))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Gives a manifest a tag, which may have been another's.
    pub(crate) fn tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let path = self.layout().tag(repository, tag);
        self.layout().put(&path, digest.to_string().as_bytes())
    }

    /// Answers what a tag names.
    pub(crate) fn tagged(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, RegistryError> {
        let text = links::read(&self.layout().tag(repository, tag))?;
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// Takes all tags from a manifest.
    pub(crate) fn untag(&self, repository: &Repository, digest: &Digest) -> Result<(), RegistryError> {
        for tag in self.tags(repository)? {
            if self.tagged(repository, &tag)? == Some(*digest) {
                links::remove(&self.layout().tag(repository, &tag))?;
            }
        }
        Ok(())
    }
}
