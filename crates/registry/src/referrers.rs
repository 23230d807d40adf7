//! What refers to a manifest: signatures, lists of parts, whatever names it as its subject.

use coracle_spec::Digest;

use crate::document::Referrer;
use crate::error::RegistryError;
use crate::layout::digest_of;
use crate::links;
use crate::names::Repository;
use crate::registry::Registry;

impl Registry {
    /// Answers the digests of those that may refer to a manifest, in order.
    pub(crate) fn referring(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Digest>, RegistryError> {
        let names = links::names(&self.layout().referrers(repository, subject))?;
        let mut digests: Vec<Digest> = names.iter().filter_map(|name| digest_of(name)).collect();
        digests.sort();
        Ok(digests)
    }

    /// Answers what is told of one of them; `None` when the repository does not have it after all.
    pub(crate) fn referrer(
        &self,
        repository: &Repository,
        (subject, digest): (&Digest, &Digest),
    ) -> Result<Option<Referrer>, RegistryError> {
        if links::since(&self.layout().manifest(repository, digest))?.is_none() {
            return Ok(None);
        }
        let text = links::read(&self.layout().referrers(repository, subject).join(digest.hex()))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }
}
