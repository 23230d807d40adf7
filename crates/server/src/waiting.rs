//! Images that wait: what was built here of a source that was sent stays until its deploy.
//!
//! Nothing refers to it yet, so a collection between the build and the deploy would take it away. What is pushed needs
//! nothing of this: the registry keeps it for a day.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coracle_content::{Lease, Store, StoreError};
use coracle_spec::Digest;

/// How long a blob waits for its deploy after it was last made.
const PATIENCE: Duration = Duration::from_hours(1);

/// The most blobs that wait at once: the one that has waited longest makes room.
const MOST: usize = 10_000;

/// Blobs of images that wait for their deploy.
#[derive(Debug)]
pub(crate) struct Waiting {
    lease: Lease,
    waiting: Mutex<BTreeMap<Digest, Instant>>,
}

impl Waiting {
    /// Keeps nothing yet.
    pub(crate) fn new(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            lease: store.lease()?,
            waiting: Mutex::default(),
        })
    }

    /// Keeps a blob of an image that was made just now.
    pub(crate) fn keep(&self, digest: &Digest) -> Result<(), StoreError> {
        let mut waiting = self.waiting();
        self.make_room(&mut waiting)?;
        waiting.insert(*digest, Instant::now());
        self.lease.keep(digest)
    }

    /// Keeps no longer what an image was deployed of: from now on its revision does that.
    pub(crate) fn deployed(&self, store: &Store, image: &Digest) -> Result<(), StoreError> {
        let parts = store.reachable(&[*image])?;
        let mut waiting = self.waiting();
        for part in parts {
            if waiting.remove(&part).is_some() {
                self.lease.release(&part)?;
            }
        }
        Ok(())
    }

    fn make_room(&self, waiting: &mut BTreeMap<Digest, Instant>) -> Result<(), StoreError> {
        let mut late: Vec<Digest> = waiting
            .iter()
            .filter(|(_, since)| since.elapsed() > PATIENCE)
            .map(|(digest, _)| *digest)
            .collect();
        if late.is_empty() && waiting.len() >= MOST {
            late.extend(
                waiting
                    .iter()
                    .min_by_key(|(_, since)| **since)
                    .map(|(digest, _)| *digest),
            );
        }
        for digest in late {
            waiting.remove(&digest);
            self.lease.release(&digest)?;
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Digest, Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coracle_content::{Extent, Limits};

    #[test]
    fn a_blob_stays_from_its_build_to_its_deploy() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let waiting = Waiting::new(&store).unwrap();
        let layer = Digest::of("layer");
        let manifest = format!("{{\"{layer}\"}}");
        waiting.keep(&layer).unwrap();
        store.put_blob(b"layer").unwrap();
        waiting.keep(&Digest::of(&manifest)).unwrap();
        let manifest = store.put_blob(manifest.as_bytes()).unwrap().digest;
        let collect = || {
            let nothing = Limits {
                bytes: Some(0),
                unused: None,
            };
            store.collect(&(), &nothing, Extent::Whole).unwrap().items
        };
        assert_eq!(collect(), 0);
        waiting.deployed(&store, &manifest).unwrap();
        assert_eq!(collect(), 2);
    }
}
