//! Which bytes of the store count for whom, where several parties share it that must not learn of each other.
//!
//! Digests are no secrets: whoever has an image's name in a log has them. So a party stands on what was sent to it, or
//! was made for it, and on nothing else, whatever the store has. A registry's word that it has a blob (`HEAD`) lost as a
//! proof: the party names the registry, and may run it. See `docs/decisions/020-what-a-tenant-stands-on.md`.

use std::sync::Arc;

use coracle_content::{Store, StoreError};
use coracle_spec::Digest;

/// The kind of record that says that bytes were sent to a party. It names them, and goes when nothing uses it.
const KIND: &str = "holdings";

/// One of several that share a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party(Arc<str>);

impl Party {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Answers whether these bytes were sent to it or made for it.
    pub(crate) fn holds(&self, store: &Store, digest: &Digest) -> Result<bool, StoreError> {
        let noted = store.record::<Digest>(KIND, &self.key(digest))?;
        Ok(noted.is_some_and(|noted| noted == *digest))
    }

    /// Notes that these bytes were sent to it or made for it.
    pub(crate) fn note(&self, store: &Store, digest: &Digest) -> Result<(), StoreError> {
        if self.holds(store, digest)? {
            return Ok(());
        }
        store.put_record(KIND, &self.key(digest), digest)
    }

    fn key(&self, digest: &Digest) -> Digest {
        Digest::of_value(&(self.name(), digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_to_one_party_counts_for_no_other() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let blob = store.put_blob(b"hush").unwrap().digest;
        let (one, other) = (Party::new("one"), Party::new("other"));
        one.note(&store, &blob).unwrap();
        assert!(one.holds(&store, &blob).unwrap());
        assert!(Party::new("one").holds(&store, &blob).unwrap());
        assert!(!other.holds(&store, &blob).unwrap());
        assert!(!one.holds(&store, &Digest::of("else")).unwrap());
    }
}
