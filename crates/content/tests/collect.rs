//! What collection removes, and what it never does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use coracle_content::{Collected, Extent, Kind, Limits, Roots, RootsError, Store, StoreError};
use coracle_spec::Digest;
use fs_err as fs;

const NOTHING: Limits = Limits {
    bytes: Some(0),
    unused: None,
};

struct Place {
    base: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let store = Store::open(&base.path().join("store")).unwrap();
        Self { base, store }
    }

    fn path(&self, rest: &str) -> PathBuf {
        self.base.path().join("store").join(rest)
    }

    fn all(&self) -> Collected {
        self.store.collect(&(), &NOTHING, Extent::Whole).unwrap()
    }

    fn blob(&self, text: &str) -> Digest {
        self.store.put_blob(text.as_bytes()).unwrap().digest
    }

    fn has(&self, digest: &Digest) -> bool {
        self.path("blobs/sha256").join(digest.hex()).exists()
    }

    /// Makes it look as if a blob was last of use so long ago.
    fn age(&self, digest: &Digest, days: u64) {
        let file = fs::File::options()
            .append(true)
            .open(self.path("blobs/sha256").join(digest.hex()))
            .unwrap();
        let then = SystemTime::now() - Duration::from_hours(24 * days);
        file.file().set_modified(then).unwrap();
    }
}

fn tree(store: &Store, name: &str, bytes: usize) -> Digest {
    let staged = store.stage_tree().unwrap();
    fs::write(staged.path().join("file"), vec![7; bytes]).unwrap();
    let digest = Digest::of(name);
    staged.commit(&digest).unwrap();
    digest
}

/// Images that somebody names.
struct Named(Vec<Digest>);

impl Roots for Named {
    fn images(&self) -> Result<Vec<Digest>, RootsError> {
        Ok(self.0.clone())
    }
}

/// An image of one layer, unpacked.
fn image(store: &Store, name: &str) -> (Digest, Vec<Digest>) {
    let layer = store.put_blob(format!("layer {name}").as_bytes()).unwrap().digest;
    let diff = tree(store, &format!("tree {name}"), 10);
    let config = format!(r#"{{"rootfs":{{"diff_ids":["{diff}"]}}}}"#);
    let config = store.put_blob(config.as_bytes()).unwrap().digest;
    let manifest = format!(r#"{{"config":"{config}","layers":["{layer}"]}}"#);
    let manifest = store.put_blob(manifest.as_bytes()).unwrap().digest;
    (manifest, vec![manifest, config, layer, diff])
}

#[test]
fn a_root_stays_with_all_that_it_names_and_everything_else_goes() {
    let place = Place::new();
    let (kept, parts) = image(&place.store, "kept");
    let (_, others) = image(&place.store, "other");
    place
        .store
        .put_record("steps", &Digest::of("k"), &others)
        .unwrap();
    fs::write(place.store.cache_dir("pip").unwrap().join("wheel"), "x").unwrap();
    let collected = place
        .store
        .collect(&Named(vec![kept]), &NOTHING, Extent::Whole)
        .unwrap();
    assert_eq!(collected.items, 6);
    assert!(parts[..3].iter().all(|part| place.has(part)));
    assert!(place.store.tree(&parts[3]).unwrap().is_some());
    assert!(!others[..3].iter().any(|part| place.has(part)));
    assert!(place.store.tree(&others[3]).unwrap().is_none());
    assert!(!place.path("caches/pip").exists());
    for folder in ["scratch", "locks", "records/steps"] {
        assert_eq!(fs::read_dir(place.path(folder)).unwrap().count(), 0, "{folder}");
    }
}

#[test]
fn what_a_user_of_the_store_found_or_made_stays_until_it_is_done() {
    let place = Place::new();
    let (found, missing) = (place.blob("found"), Digest::of("missing"));
    let unpacked = tree(&place.store, "found", 10);
    let user = place.store.held().unwrap();
    user.blob(&found).unwrap().unwrap();
    user.tree(&unpacked).unwrap().unwrap();
    assert!(user.blob(&missing).unwrap().is_none());
    let made = user.put_blob(b"made").unwrap().digest;
    let own = tree(&user, "made", 10);
    user.cache_dir("npm").unwrap();
    assert_eq!(place.all().items, 0);
    assert!(place.has(&found) && place.has(&made));
    assert!(user.tree(&unpacked).unwrap().is_some() && user.tree(&own).unwrap().is_some());
    let clone = user.clone();
    drop(user);
    assert_eq!(place.all().items, 0);
    drop(clone);
    assert_eq!(place.all().items, 5);
}

#[test]
fn a_leased_document_keeps_what_it_names() {
    let place = Place::new();
    let (manifest, parts) = image(&place.store, "leased");
    let lease = place.store.lease().unwrap();
    lease.keep(&manifest).unwrap();
    assert_eq!(place.all().items, 0);
    lease.release(&manifest).unwrap();
    assert_eq!(place.all().items, parts.len() as u64);
}

#[test]
fn the_least_recently_used_go_first_and_only_until_it_is_enough() {
    let place = Place::new();
    let text = |name: &str| name.repeat(100_000);
    let [old, middle, new] = ["a", "b", "c"].map(|name| place.blob(&text(name)));
    place.age(&old, 3);
    place.age(&middle, 2);
    place.age(&new, 1);
    // A use makes it the newest.
    place.store.blob(&old).unwrap().unwrap();
    let limits = Limits {
        bytes: Some(250_000),
        unused: None,
    };
    let collected = place.store.collect(&(), &limits, Extent::Whole).unwrap();
    assert_eq!(collected.items, 1);
    assert!(place.has(&old) && place.has(&new) && !place.has(&middle));
    assert!(
        collected.freed >= 100_000 && collected.left >= 200_000,
        "{collected:?}"
    );
    let again = place.store.collect(&(), &limits, Extent::Whole).unwrap();
    assert_eq!((again.items, again.left), (0, collected.left));
}

#[test]
fn what_is_unused_for_too_long_goes_whatever_it_takes() {
    let place = Place::new();
    let (old, new) = (place.blob("old"), place.blob("new"));
    place.age(&old, 40);
    place.age(&new, 20);
    let limits = Limits {
        bytes: None,
        unused: Some(Duration::from_hours(24 * 30)),
    };
    place.store.collect(&(), &limits, Extent::Whole).unwrap();
    assert!(!place.has(&old) && place.has(&new));
}

#[test]
fn a_used_record_makes_what_it_names_used() {
    let place = Place::new();
    let (manifest, parts) = image(&place.store, "x");
    for part in &parts[..3] {
        place.age(part, 40);
    }
    place
        .store
        .put_record("images", &Digest::of("key"), &manifest)
        .unwrap();
    let limits = Limits {
        bytes: None,
        unused: Some(Duration::from_hours(24)),
    };
    assert_eq!(place.store.collect(&(), &limits, Extent::Whole).unwrap().items, 0);
}

#[test]
fn a_record_that_names_nothing_is_a_note_and_stays() {
    let place = Place::new();
    let key = Digest::of("suite");
    place.store.put_record("seen", &key, &"2026-01-01").unwrap();
    place.all();
    assert!(place.store.record::<String>("seen", &key).unwrap().is_some());
}

#[test]
fn a_dry_run_says_what_would_go_and_removes_nothing() {
    let place = Place::new();
    let blob = place.blob("x");
    let dry = place.store.collect(&(), &NOTHING, Extent::Dry).unwrap();
    assert!(place.has(&blob));
    assert_eq!(dry, place.all());
    assert!(!place.has(&blob));
}

#[test]
fn a_collection_that_is_out_of_time_removes_a_few_things_only() {
    let place = Place::new();
    for number in 0..100 {
        place.blob(&number.to_string());
    }
    let past = Extent::Until(Instant::now());
    let few = place.store.collect(&(), &NOTHING, past).unwrap().items;
    assert!((1..100).contains(&few), "{few}");
    assert_eq!(place.all().items, 100 - few);
}

#[test]
fn a_collection_that_is_not_alone_removes_nothing() {
    let place = Place::new();
    let blob = place.blob("x");
    let other = place.store.lock("collect", &Digest::of("collect")).unwrap();
    let soon = Extent::Until(Instant::now() + Duration::from_mins(1));
    assert_eq!(place.store.collect(&(), &NOTHING, soon).unwrap().items, 0);
    assert!(place.has(&blob));
    drop(other);
    assert_eq!(place.store.collect(&(), &NOTHING, soon).unwrap().items, 1);
}

#[test]
fn roots_that_cannot_be_found_out_remove_nothing() {
    struct Unknown;
    impl Roots for Unknown {
        fn images(&self) -> Result<Vec<Digest>, RootsError> {
            Err(StoreError::Missing {
                digest: Digest::of("state"),
            }
            .into())
        }
    }
    let place = Place::new();
    let blob = place.blob("x");
    let error = place
        .store
        .collect(&Unknown, &NOTHING, Extent::Whole)
        .unwrap_err();
    assert!(std::error::Error::source(&error).is_some());
    assert!(place.has(&blob));
}

#[test]
fn usage_tells_what_each_kind_takes_and_what_of_it_nothing_uses() {
    let place = Place::new();
    let (kept, _) = image(&place.store, "kept");
    image(&place.store, "other");
    place.blob("!<arch>\ndebian-binary");
    fs::write(
        place.store.cache_dir("pip").unwrap().join("wheel"),
        vec![1; 50_000],
    )
    .unwrap();
    let usage = place.store.usage(&Named(vec![kept])).unwrap();
    let items: BTreeMap<Kind, u64> = usage
        .kinds
        .iter()
        .map(|(kind, uses)| (*kind, uses.items))
        .collect();
    assert_eq!(
        items,
        BTreeMap::from([
            (Kind::Images, 4),
            (Kind::Layers, 2),
            (Kind::Trees, 2),
            (Kind::Packages, 1),
            (Kind::Caches, 1),
            (Kind::Records, 0),
        ])
    );
    let images = usage.kinds[&Kind::Images];
    assert_eq!(images.reclaimable * 2, images.bytes);
    assert!(usage.kinds[&Kind::Caches].reclaimable >= 50_000);
    let freed = place
        .store
        .collect(&Named(vec![kept]), &NOTHING, Extent::Whole)
        .unwrap();
    assert_eq!(freed.freed, usage.total().reclaimable);
    assert_eq!(freed.left, usage.total().bytes - freed.freed);
}

/// Finds a result by its record or makes it, then uses it for a while, as builds do.
fn build(store: &Store, number: usize) {
    let store = store.held().unwrap();
    let key = Digest::of(format!("step {number}"));
    let _guard = store.lock("steps", &key).unwrap();
    let known: Option<(Digest, Digest)> = store.record("steps", &key).unwrap();
    let there = |(blob, tree): &(Digest, Digest)| {
        store.blob(blob).unwrap().is_some() && store.tree(tree).unwrap().is_some()
    };
    let (blob, unpacked) = known.filter(there).unwrap_or_else(|| {
        let text = format!("result {number} ").repeat(100);
        let made = (
            store.put_blob(text.as_bytes()).unwrap().digest,
            tree(&store, &text, 100),
        );
        store.put_record("steps", &key, &made).unwrap();
        made
    });
    for _ in 0..20 {
        let path = store.root().join("trees").join(unpacked.hex()).join("root/file");
        assert_eq!(fs::read(path).unwrap().len(), 100);
        assert_eq!(Digest::of(fs::read(blob_path(&store, &blob)).unwrap()), blob);
    }
    fs::write(store.cache_dir("pip").unwrap().join(format!("{number}")), "x").unwrap();
}

fn blob_path(store: &Store, digest: &Digest) -> PathBuf {
    store.root().join("blobs/sha256").join(digest.hex())
}

#[test]
fn builds_beside_collections_lose_nothing() {
    let place = Place::new();
    let (ended, removed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let root: &Path = &place.path("");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let store = Store::open(root).unwrap();
                while !ended.load(Ordering::SeqCst) {
                    let collected = store.collect(&(), &NOTHING, Extent::Whole).unwrap();
                    removed.fetch_add(usize::try_from(collected.items).unwrap(), Ordering::SeqCst);
                }
            });
        }
        let builders: Vec<_> = (0..4)
            .map(|builder| {
                scope.spawn(move || {
                    let store = Store::open(root).unwrap();
                    for round in 0..150 {
                        build(&store, (builder + round) % 7);
                    }
                })
            })
            .collect();
        let results: Vec<_> = builders
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        ended.store(true, Ordering::SeqCst);
        for result in results {
            result.unwrap();
        }
    });
    assert!(
        removed.load(Ordering::SeqCst) > 100,
        "nothing was collected meanwhile"
    );
}
