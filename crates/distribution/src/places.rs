//! In which repositories of a registry a blob is known to be, so that it can be mounted from there.

use coracle_content::{Store, StoreError};
use coracle_spec::Digest;

const KIND: &str = "places";

/// How many repositories are remembered.
const MOST: usize = 4;

/// Answers a repository of `registry`, other than `not`, in which the blob was seen last.
pub(crate) fn other_than(
    store: &Store,
    registry: &str,
    blob: &Digest,
    not: &str,
) -> Result<Option<String>, StoreError> {
    let known = known(store, registry, blob)?;
    Ok(known.into_iter().find(|repository| repository != not))
}

/// Notes that the blob is in a repository of `registry`.
pub(crate) fn note(store: &Store, registry: &str, blob: &Digest, repository: &str) -> Result<(), StoreError> {
    let mut repositories = known(store, registry, blob)?;
    if repositories.first().is_some_and(|first| first == repository) {
        return Ok(());
    }
    repositories.retain(|other| other != repository);
    repositories.insert(0, repository.to_owned());
    repositories.truncate(MOST);
    store.put_record(KIND, &key(registry, blob), &repositories)
}

fn known(store: &Store, registry: &str, blob: &Digest) -> Result<Vec<String>, StoreError> {
    Ok(store.record(KIND, &key(registry, blob))?.unwrap_or_default())
}

fn key(registry: &str, blob: &Digest) -> Digest {
    Digest::of_value(&(registry, blob))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_known_to_be_where_it_was_seen_last_in_that_registry() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let blob = Digest::of("blob");
        let other = |not: &str| other_than(&store, "a.example", &blob, not).unwrap();
        assert_eq!(other("x"), None);
        for repository in ["one", "two", "one", "three", "four", "five"] {
            note(&store, "a.example", &blob, repository).unwrap();
        }
        assert_eq!(other("x").as_deref(), Some("five"));
        assert_eq!(other("five").as_deref(), Some("four"));
        assert_eq!(other_than(&store, "b.example", &blob, "x").unwrap(), None);
    }
}
