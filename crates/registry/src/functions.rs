//! The repositories of functions, `functions/NAMESPACE/NAME`: what their revisions are made of, by digest.
//!
//! A deploy pushes there, so that nobody chooses a name, and whoever wants what a function is made of knows where it is.
//! What keeps an image there is its revision: a manifest without a tag stays for the grace time by itself, as a blob
//! does, and goes with the last revision after that. Keeping it until somebody deletes it lost: each deploy would
//! leave an image for ever. Tags for revisions lost: who removes which would have to be agreed on with people's own.

use std::collections::BTreeSet;

use coracle_spec::{Digest, FunctionId};

use crate::error::RegistryError;
use crate::layout::{Layout, digest_of};
use crate::links;
use crate::names::Repository;
use crate::registry::{GRACE, Registry};

/// What the names of such repositories begin with.
pub(crate) const FUNCTIONS: &str = "functions/";

impl Registry {
    /// Puts the image of a function's revision into the function's repository, if it is not there.
    ///
    /// The revision, or a lease, keeps the image; nothing is copied.
    pub fn put_revision(&self, function: &FunctionId, image: &Digest) -> Result<(), RegistryError> {
        let repository = Repository::of_function(function);
        if links::since(&self.layout().manifest(&repository, image))?.is_some() {
            return Ok(());
        }
        self.put_untagged(&repository, image)
    }

    /// Takes out of a function's repository what the function put there, for it is gone. What has a tag stays, with
    /// all that it names.
    pub fn remove_function(&self, function: &FunctionId) -> Result<(), RegistryError> {
        let repository = Repository::of_function(function);
        let _alone = self.alone(&repository)?;
        let tagged = tagged(self.layout(), &repository)?;
        for manifest in manifests(self.layout(), &repository)? {
            if !tagged.contains(&manifest) {
                self.forget(&repository, &manifest)?;
            }
        }
        self.remove_links(&repository, |_| Ok(true))
    }

    /// Lets the repository of a function have a blob that the store has, wherever it came from; answers whether it has
    /// it. Whoever may deploy may deploy what the store has.
    pub(crate) fn find(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        let held = self.store().held()?;
        if !repository.is_of_function() || held.blob(digest)?.is_none() {
            return Ok(false);
        }
        self.link(repository, digest)?;
        Ok(true)
    }

    /// Forgets manifests that went with the last revision made of them.
    pub(crate) fn forget_collected(&self, repository: &Repository) -> Result<(), RegistryError> {
        if !repository.is_of_function() {
            return Ok(());
        }
        for manifest in manifests(self.layout(), repository)? {
            if self.store().blob(&manifest)?.is_none() {
                self.forget(repository, &manifest)?;
            }
        }
        Ok(())
    }
}

/// Answers the manifests that a repository keeps by itself.
pub(crate) fn kept(layout: &Layout, repository: &Repository) -> Result<Vec<Digest>, RegistryError> {
    let mut manifests = manifests(layout, repository)?;
    if repository.is_of_function() {
        let tagged = tagged(layout, repository)?;
        let mut kept = Vec::new();
        for manifest in manifests {
            if tagged.contains(&manifest) || is_young(layout, repository, &manifest)? {
                kept.push(manifest);
            }
        }
        manifests = kept;
    }
    Ok(manifests)
}

fn is_young(layout: &Layout, repository: &Repository, manifest: &Digest) -> Result<bool, RegistryError> {
    let since = links::since(&layout.manifest(repository, manifest))?;
    Ok(since.is_some_and(|since| links::age(since) <= GRACE))
}

fn manifests(layout: &Layout, repository: &Repository) -> Result<Vec<Digest>, RegistryError> {
    let names = links::names(&layout.manifests(repository))?;
    Ok(names.iter().filter_map(|name| digest_of(name)).collect())
}

fn tagged(layout: &Layout, repository: &Repository) -> Result<BTreeSet<Digest>, RegistryError> {
    let mut tagged = BTreeSet::new();
    for tag in links::names(&layout.tags(repository))? {
        let text = links::read(&layout.tags(repository).join(tag))?;
        tagged.extend(text.and_then(|text| text.parse::<Digest>().ok()));
    }
    Ok(tagged)
}
