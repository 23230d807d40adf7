//! Whose builds a repository is for, where several parties build into one registry.
//!
//! Who may push over the distribution API may push anywhere; builds for several parties must not: one would overwrite what
//! another deploys. A repository is whose build made it, until its last manifest is deleted. Names that begin with the
//! party's lost: clients that exist choose theirs freely.
//!
//! ```text
//! free ── a build puts an image there ──► its owner's ── the last manifest is deleted ──► free
//! ```

mod image;

use coracle_spec::Digest;

use crate::error::RegistryError;
use crate::links;
use crate::names::{Repository, Tag};
use crate::registry::Registry;

pub use image::OwnedImage;

/// Who else builds into the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Nobody: whoever builds may put images everywhere, and is the owner of what was free.
    Nobody,
    /// Others, whose repositories are theirs, and so is what nobody's build made.
    Others,
}

/// What a build may do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// It is its owner's.
    Theirs,
    /// It is not, and nobody minds.
    Open,
    /// It is not.
    Refused,
}

impl Registry {
    /// Puts an image that a build has made into a repository, and gives it a tag; answers whether the builder may. A
    /// repository that was free is the builder's from then on.
    ///
    /// Whoever calls leases the image, or has made it just now.
    pub fn put_build(
        &self,
        repository: &Repository,
        (tag, manifest): (&Tag, &Digest),
        (builder, among): (&str, Among),
    ) -> Result<bool, RegistryError> {
        let claim = self.claim(repository, builder, among)?;
        if claim == Claim::Refused {
            return Ok(false);
        }
        self.put_image(repository, tag, manifest)?;
        if claim == Claim::Theirs {
            self.confirm(repository, builder)?;
        }
        Ok(true)
    }

    /// Answers whose builds a repository is for; nobody's when none made it.
    pub fn owner(&self, repository: &Repository) -> Result<Option<String>, RegistryError> {
        links::read(&self.layout().owner(repository))
    }

    /// Frees a repository that has no manifest any more. Nobody else changes it meanwhile.
    pub(crate) fn free_if_empty(&self, repository: &Repository) -> Result<(), RegistryError> {
        if self.is_empty(repository)? {
            links::remove(&self.layout().owner(repository))?;
        }
        Ok(())
    }

    /// Frees a repository that a build claimed long ago and put nothing into.
    pub(crate) fn free_if_abandoned(&self, repository: &Repository) -> Result<(), RegistryError> {
        let since = links::since(&self.layout().owner(repository))?;
        let is_old = since.is_some_and(|since| links::age(since) > self.limits().grace);
        if !is_old || !self.is_empty(repository)? {
            return Ok(());
        }
        let _alone = self.alone(repository)?;
        self.free_if_empty(repository)
    }

    /// Notes the owner of a repository that is free, and of one that has nothing yet anew, so that it stays for the grace
    /// time.
    fn claim(&self, repository: &Repository, builder: &str, among: Among) -> Result<Claim, RegistryError> {
        let _alone = self.alone(repository)?;
        let (noted, is_empty) = (self.owner(repository)?, self.is_empty(repository)?);
        let is_theirs = match &noted {
            Some(noted) => noted == builder,
            None => is_empty && !repository.is_of_function(),
        };
        if is_theirs && is_empty {
            self.note(repository, builder)?;
        }
        Ok(match (is_theirs, among) {
            (true, _) => Claim::Theirs,
            (false, Among::Nobody) => Claim::Open,
            (false, Among::Others) => Claim::Refused,
        })
    }

    /// Notes the owner again if somebody has deleted what was there between the claim and the image.
    fn confirm(&self, repository: &Repository, builder: &str) -> Result<(), RegistryError> {
        let _alone = self.alone(repository)?;
        match self.owner(repository)? {
            None => self.note(repository, builder),
            Some(_) => Ok(()),
        }
    }

    fn note(&self, repository: &Repository, builder: &str) -> Result<(), RegistryError> {
        let path = self.layout().owner(repository);
        self.layout().put(&path, builder.as_bytes())
    }

    fn is_empty(&self, repository: &Repository) -> Result<bool, RegistryError> {
        Ok(links::names(&self.layout().manifests(repository))?.is_empty())
    }
}

#[cfg(test)]
mod tests;
