//! In which repositories of a registry a blob is known to be, so that it can be mounted from there.
//!
//! Names of repositories say what somebody works on: of several parties, each is reminded of its own only.

use coracle_content::{Store, StoreError};
use coracle_spec::Digest;

use crate::holdings::Party;

const KIND: &str = "places";

/// How many repositories are remembered.
const MOST: usize = 4;

/// Where blobs are in one registry, as somebody knows it.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) store: &'a Store,
    /// Who knows it, where several share the store.
    pub(crate) party: Option<&'a Party>,
    pub(crate) registry: &'a str,
}

impl Places<'_> {
    /// Answers a repository, other than `not`, in which the blob was seen last.
    pub(crate) fn other_than(&self, blob: &Digest, not: &str) -> Result<Option<String>, StoreError> {
        let known = self.known(blob)?;
        Ok(known.into_iter().find(|repository| repository != not))
    }

    /// Notes that the blob is in a repository.
    pub(crate) fn note(&self, blob: &Digest, repository: &str) -> Result<(), StoreError> {
        let mut repositories = self.known(blob)?;
        if repositories.first().is_some_and(|first| first == repository) {
            return Ok(());
        }
        repositories.retain(|other| other != repository);
        repositories.insert(0, repository.to_owned());
        repositories.truncate(MOST);
        self.store.put_record(KIND, &self.key(blob), &repositories)
    }

    fn known(&self, blob: &Digest) -> Result<Vec<String>, StoreError> {
        Ok(self.store.record(KIND, &self.key(blob))?.unwrap_or_default())
    }

    fn key(&self, blob: &Digest) -> Digest {
        Digest::of_value(&(self.party.map(Party::name), self.registry, blob))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_known_to_be_where_its_party_saw_it_last_in_that_registry() {
        let root = tempfile::tempdir().unwrap();
        let store = &Store::open(&root.path().join("store")).unwrap();
        let party = Party::new("acme");
        let places = |registry, party| Places {
            store,
            party,
            registry,
        };
        let (own, blob) = (places("a.example", None), Digest::of("blob"));
        let other = |not: &str| own.other_than(&blob, not).unwrap();
        assert_eq!(other("x"), None);
        for repository in ["one", "two", "one", "three", "four", "five"] {
            own.note(&blob, repository).unwrap();
        }
        assert_eq!(other("x").as_deref(), Some("five"));
        assert_eq!(other("five").as_deref(), Some("four"));
        for unaware in [places("b.example", None), places("a.example", Some(&party))] {
            assert_eq!(unaware.other_than(&blob, "x").unwrap(), None);
        }
    }
}
