//! Whose builds a repository is for, where several parties build into one registry.
//!
//! Who may push over the distribution API may push anywhere; builds for several parties must not: one would overwrite what
//! another deploys. A repository is whose build made it. Names that begin with the party's lost: clients that exist
//! choose theirs freely.

use crate::error::RegistryError;
use crate::links;
use crate::names::Repository;
use crate::registry::Registry;

/// Who else builds into the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Nobody: whoever builds may put images everywhere.
    Nobody,
    /// Others, whose repositories are theirs, and so is what nobody's build made.
    Others,
}

impl Registry {
    /// Answers whether a build of `owner` may put an image into a repository, which is theirs from then on.
    pub fn claim(&self, repository: &Repository, owner: &str, among: Among) -> Result<bool, RegistryError> {
        let _alone = self.alone(repository)?;
        let path = self.layout().owner(repository);
        let noted = links::read(&path)?;
        let may = match (&noted, among) {
            (_, Among::Nobody) => true,
            (Some(noted), Among::Others) => noted == owner,
            (None, Among::Others) => self.is_free(repository)?,
        };
        if may && noted.as_deref() != Some(owner) {
            self.layout().put(&path, owner.as_bytes())?;
        }
        Ok(may)
    }

    fn is_free(&self, repository: &Repository) -> Result<bool, RegistryError> {
        let manifests = links::names(&self.layout().manifests(repository))?;
        Ok(manifests.is_empty() && !repository.is_of_function())
    }
}

#[cfg(test)]
mod tests {
    use coracle_content::Store;

    use super::*;
    use crate::Limits;

    #[test]
    fn a_repository_is_whose_build_made_it_and_what_others_pushed_is_nobodys() {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(&data.path().join("store")).unwrap();
        let registry = Registry::open(data.path(), store.clone(), Limits::default()).unwrap();
        let claim = |name: &str, owner: &str, among| {
            let repository: Repository = name.parse().unwrap();
            registry.claim(&repository, owner, among).unwrap()
        };
        for (owner, may) in [("acme", true), ("globex", false), ("acme", true)] {
            assert_eq!(claim("team/app", owner, Among::Others), may, "{owner}");
        }
        let config = store.put_blob(b"{}").unwrap().digest;
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":[]}}"#
        );
        let manifest = store.put_blob(manifest.as_bytes()).unwrap().digest;
        let pushed: Repository = "pushed".parse().unwrap();
        registry
            .put_image(&pushed, &"1".parse().unwrap(), &manifest)
            .unwrap();
        assert!(!claim("pushed", "acme", Among::Others));
        assert!(!claim("functions/default/hello", "acme", Among::Others));
        assert!(claim("pushed", "acme", Among::Nobody) && claim("pushed", "acme", Among::Others));
        assert!(!claim("pushed", "globex", Among::Others));
    }
}
