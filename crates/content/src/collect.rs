//! Collection: what nothing uses goes, the least recently used first, until the store is within its limits.
//!
//! ```text
//! inventory ─► candidates, by last use ─► a few at a time: gate shut, leases and roots read, victims away, gate open
//!                                                                     trees: renamed into scratch, removed after
//! ```
//!
//! Leases and roots are read again for each few, while the gate is shut, and leases before roots: who turns a lease
//! into a root notes the root first. A process killed at any point leaves whole things, and scratch space for the next
//! one to sweep. Marking what is live and removing the rest, as language runtimes do, lost: nearly everything here is
//! a cache, and which of it is worth its space only time tells.

mod error;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use coracle_spec::Digest;
use fs_err as fs;
use serde::Serialize;

pub use self::error::{CollectError, RootsError};

use crate::error::{Context, StoreError};
use crate::inventory::{Inventory, Item, Kind};
use crate::scratch::{Doomed, sweep};
use crate::store::Store;
use crate::touch;

/// How many things are taken away while the gate is shut once.
const AT_ONCE: usize = 64;

/// How long after its last byte an upload that nobody finished is removed.
const FORGOTTEN: Duration = Duration::from_hours(24);

/// The kind of the lock that one collection at a time holds.
const LOCK: &str = "collect";

/// Knows what must stay although no process leases it.
pub trait Roots: Sync {
    /// Answers the images, by their manifests, that must stay with all that they name.
    fn images(&self) -> Result<Vec<Digest>, RootsError>;
}

/// Nothing but what is leased must stay.
impl Roots for () {
    fn images(&self) -> Result<Vec<Digest>, RootsError> {
        Ok(Vec::new())
    }
}

/// What may stay although nothing uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most that all of it may take, in bytes.
    pub bytes: Option<u64>,
    /// How long ago its last use may be.
    pub unused: Option<Duration>,
}

/// How far a collection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Nothing is removed; what would be is answered.
    Dry,
    /// Until the store is within its limits, after whoever collects just now.
    Whole,
    /// Until this moment has passed, and not at all if somebody collects just now.
    Until(Instant),
}

/// What a collection has removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Collected {
    /// What it has removed, by kind.
    pub kinds: BTreeMap<Kind, Removed>,
    /// How many things.
    pub items: u64,
    /// What they took on the disk, in bytes.
    pub freed: u64,
    /// What the rest of what can be collected or is in use takes, in bytes.
    pub left: u64,
}

/// What a collection has removed of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Removed {
    /// How many things.
    pub items: u64,
    /// What they took on the disk, in bytes.
    pub bytes: u64,
}

impl Store {
    /// Removes what nothing uses until the store is within `limits`.
    pub fn collect(
        &self,
        roots: &dyn Roots,
        limits: &Limits,
        extent: Extent,
    ) -> Result<Collected, CollectError> {
        let key = Digest::of(LOCK);
        let _alone = match extent {
            Extent::Dry => None,
            Extent::Whole => Some(self.lock(LOCK, &key)?),
            Extent::Until(_) => match self.try_lock(LOCK, &key)? {
                Some(guard) => Some(guard),
                None => return Ok(Collected::default()),
            },
        };
        let mut collection = Collection::new(self, roots, extent)?;
        collection.run(limits)?;
        Ok(collection.collected)
    }

    /// Answers whether no collection began for a time of `pause`, and notes that one begins now.
    pub fn is_collection_due(&self, pause: Duration) -> bool {
        let path = self.folder("collected");
        let last = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
        let recent = last.is_ok_and(|last| last.elapsed().is_ok_and(|age| age < pause));
        if !recent {
            // That it cannot be made is no reason not to collect, on a full disk least of all.
            let _ = fs::OpenOptions::new().append(true).create(true).open(&path);
            touch::touch(&path);
        }
        !recent
    }

    /// Answers what must stay: what is leased, what has a name, the roots, and what they name.
    pub(crate) fn kept(&self, roots: &dyn Roots) -> Result<BTreeSet<Digest>, CollectError> {
        let mut kept: Vec<Digest> = self.leased()?.into_iter().collect();
        kept.extend(self.names()?.into_iter().map(|named| named.digest));
        kept.extend(roots.images().map_err(CollectError::Roots)?);
        Ok(self.reachable(&kept)?)
    }
}

struct Collection<'a> {
    store: &'a Store,
    roots: &'a dyn Roots,
    extent: Extent,
    /// What nothing used when the collection began, the least recently used last.
    candidates: Vec<Item>,
    /// What they take that are still there.
    idle: u64,
    collected: Collected,
}

impl<'a> Collection<'a> {
    fn new(store: &'a Store, roots: &'a dyn Roots, extent: Extent) -> Result<Self, CollectError> {
        if extent != Extent::Dry {
            sweep(store)?;
            store.expire_uploads(FORGOTTEN)?;
        }
        let kept = store.kept(roots)?;
        let items = Inventory::take(store)?.items;
        let all: u64 = items.iter().map(|item| item.bytes).sum();
        let mut candidates: Vec<Item> = items.into_iter().filter(|item| !is_kept(item, &kept)).collect();
        candidates.sort_by_key(|item| std::cmp::Reverse((item.used, worth(item.kind))));
        Ok(Self {
            store,
            roots,
            extent,
            idle: candidates.iter().map(|item| item.bytes).sum(),
            candidates,
            collected: Collected {
                left: all,
                ..Collected::default()
            },
        })
    }

    fn run(&mut self, limits: &Limits) -> Result<(), CollectError> {
        let now = SystemTime::now();
        loop {
            let victims = self.next(limits, now);
            if victims.is_empty() {
                return Ok(());
            }
            self.remove(&victims)?;
            // Only now: however slow the disk is, each collection gets somewhere.
            if self.is_late() {
                return Ok(());
            }
        }
    }

    /// Takes the next few candidates that are too old, or too much.
    fn next(&mut self, limits: &Limits, now: SystemTime) -> Vec<Item> {
        let mut victims = Vec::new();
        while victims.len() < AT_ONCE {
            let is_victim = |item: &mut Item| {
                let unused = now.duration_since(item.used).unwrap_or_default();
                limits.unused.is_some_and(|most| unused > most)
                    || limits.bytes.is_some_and(|most| self.idle > most)
            };
            let Some(victim) = self.candidates.pop_if(is_victim) else {
                break;
            };
            self.idle -= victim.bytes;
            victims.push(victim);
        }
        victims
    }

    fn is_late(&self) -> bool {
        matches!(self.extent, Extent::Until(moment) if Instant::now() > moment)
    }

    fn remove(&mut self, victims: &[Item]) -> Result<(), CollectError> {
        if self.extent == Extent::Dry {
            for victim in victims {
                self.count(victim);
            }
            return Ok(());
        }
        let shut = self.store.gate().hold_shut()?;
        let kept = self.store.kept(self.roots)?;
        let mut doomed = Vec::new();
        for victim in victims.iter().filter(|victim| !is_kept(victim, &kept)) {
            doomed.extend(take_away(self.store, &victim.path)?);
            self.count(victim);
        }
        drop(shut);
        // What cannot be removed now, such as a directory with a mount in it, the next sweep tries again.
        drop(doomed);
        Ok(())
    }

    fn count(&mut self, victim: &Item) {
        let removed = self.collected.kinds.entry(victim.kind).or_default();
        removed.items += 1;
        removed.bytes += victim.bytes;
        self.collected.items += 1;
        self.collected.freed += victim.bytes;
        self.collected.left = self.collected.left.saturating_sub(victim.bytes);
    }
}

fn is_kept(item: &Item, kept: &BTreeSet<Digest>) -> bool {
    item.digest.is_some_and(|digest| kept.contains(&digest))
}

/// Of things that were last of use at the same moment, what costs least to make again goes first, and what says how
/// things hang together goes last.
fn worth(kind: Kind) -> u8 {
    match kind {
        Kind::Packages => 0,
        Kind::Trees => 1,
        Kind::Caches => 2,
        Kind::Layers => 3,
        Kind::Images => 4,
        Kind::Records => 5,
    }
}

/// Takes a thing from its place: a file is gone, a directory is answered to be removed.
fn take_away(store: &Store, path: &Path) -> Result<Option<Doomed>, StoreError> {
    let taken = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Doomed::take(store, path).map(Some),
        Ok(_) => fs::remove_file(path).map(|()| None),
        Err(error) => Err(error),
    };
    match taken {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.context("remove", path),
    }
}
