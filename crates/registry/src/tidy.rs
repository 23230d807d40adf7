//! Tidying up: links of blobs that no manifest names, and what killed processes left.
//!
//! Nothing depends on it but space for names: a link older than the grace time keeps nothing.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use coracle_spec::Digest;
use fs_err as fs;

use crate::error::{Context as _, RegistryError};
use crate::layout::{digest_of, repository_of};
use crate::links;
use crate::names::Repository;
use crate::registry::Registry;

/// How old an unfinished small file is whose writer is surely gone.
const LEFT: Duration = Duration::from_hours(1);

impl Registry {
    /// Removes what nothing uses from each repository.
    pub fn tidy(&self) -> Result<(), RegistryError> {
        self.sweep()?;
        self.store().expire_uploads(self.limits().grace)?;
        for name in links::names(&self.layout().repositories())? {
            if let Some(repository) = repository_of(&name) {
                self.tidy_repository(&repository)?;
            }
        }
        Ok(())
    }

    fn tidy_repository(&self, repository: &Repository) -> Result<(), RegistryError> {
        self.free_if_abandoned(repository)?;
        if !self.has_old_links(repository)? {
            return self.remove_empty(repository);
        }
        // Looked at again, now that nobody renews one.
        let _alone = self.alone(repository)?;
        self.forget_collected(repository)?;
        self.remove_links(repository, |digest| self.is_old(repository, digest))
    }

    /// Removes the links of a repository's blobs that no manifest of it names and that `goes` says, and what is empty
    /// then. Nobody else changes the repository meanwhile.
    pub(crate) fn remove_links(
        &self,
        repository: &Repository,
        goes: impl Fn(&Digest) -> Result<bool, RegistryError>,
    ) -> Result<(), RegistryError> {
        let named = self.named(repository)?;
        for digest in self.linked(repository)? {
            if !named.contains(&digest) && goes(&digest)? {
                links::remove(&self.layout().blob(repository, &digest))?;
            }
        }
        self.remove_empty(repository)
    }

    fn has_old_links(&self, repository: &Repository) -> Result<bool, RegistryError> {
        for digest in self.linked(repository)? {
            if self.is_old(repository, &digest)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Answers whether a repository has a blob for longer than the grace time.
    fn is_old(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        let since = links::since(&self.layout().blob(repository, digest))?;
        Ok(since.is_some_and(|since| links::age(since) > self.limits().grace))
    }

    fn linked(&self, repository: &Repository) -> Result<Vec<Digest>, RegistryError> {
        let names = links::names(&self.layout().blobs(repository))?;
        Ok(names.iter().filter_map(|name| digest_of(name)).collect())
    }

    /// Answers what the manifests of a repository name.
    fn named(&self, repository: &Repository) -> Result<BTreeSet<Digest>, RegistryError> {
        let manifests = links::names(&self.layout().manifests(repository))?;
        let manifests: Vec<Digest> = manifests.iter().filter_map(|name| digest_of(name)).collect();
        Ok(self.store().reachable(&manifests)?)
    }

    /// Removes the folders of a repository that are empty. Who puts something there at the same time makes them again.
    fn remove_empty(&self, repository: &Repository) -> Result<(), RegistryError> {
        let layout = self.layout();
        let referrers = layout.all_referrers(repository);
        for name in links::names(&referrers)? {
            remove_if_empty(&referrers.join(name))?;
        }
        for folder in [
            referrers,
            layout.tags(repository),
            layout.manifests(repository),
            layout.blobs(repository),
            layout.repository(repository),
        ] {
            remove_if_empty(&folder)?;
        }
        Ok(())
    }

    /// Removes small files that were never put in their place.
    fn sweep(&self) -> Result<(), RegistryError> {
        let scratch = self.layout().scratch();
        for name in links::names(&scratch)? {
            let path = scratch.join(name);
            if links::since(&path)?.is_some_and(|since| links::age(since) > LEFT) {
                links::remove(&path)?;
            }
        }
        Ok(())
    }
}

fn remove_if_empty(folder: &std::path::Path) -> Result<(), RegistryError> {
    match fs::remove_dir(folder) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Err(error).context("remove", folder)
        }
        _ => Ok(()),
    }
}
