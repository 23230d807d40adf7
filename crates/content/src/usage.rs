//! How much of the disk the store takes, by kind, and how much of that nothing uses.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::collect::{CollectError, Roots};
use crate::disk_use::disk_use;
use crate::error::Context;
use crate::inventory::{Inventory, Kind};
use crate::store::Store;

/// How much of the disk the store takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// What each kind takes.
    pub kinds: BTreeMap<Kind, Use>,
    /// What is being made just now, in bytes.
    pub scratch: u64,
}

/// What things of one kind take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Use {
    /// How many there are.
    pub items: u64,
    /// What they take on the disk, in bytes.
    pub bytes: u64,
    /// What of that nothing uses, in bytes: a collection of everything would free it.
    pub reclaimable: u64,
}

impl Use {
    /// Adds another one.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            items: self.items + other.items,
            bytes: self.bytes + other.bytes,
            reclaimable: self.reclaimable + other.reclaimable,
        }
    }
}

impl Usage {
    /// Answers what everything takes that can be made again, in use or not.
    pub fn total(&self) -> Use {
        self.kinds.values().copied().fold(Use::default(), Use::plus)
    }
}

impl Store {
    /// Answers how much of the disk the store takes.
    pub fn usage(&self, roots: &dyn Roots) -> Result<Usage, CollectError> {
        let inventory = Inventory::take(self)?;
        let kept = self.kept(roots)?;
        let mut kinds: BTreeMap<Kind, Use> = Kind::ALL.map(|kind| (kind, Use::default())).into();
        for item in inventory.items {
            let in_use = item.digest.is_some_and(|digest| kept.contains(&digest));
            let one = Use {
                items: 1,
                bytes: item.bytes,
                reclaimable: if in_use { 0 } else { item.bytes },
            };
            kinds.entry(item.kind).and_modify(|all| *all = all.plus(one));
        }
        let folder = self.folder("scratch");
        let scratch = disk_use(&folder, u64::MAX).context("look at", &folder)?;
        Ok(Usage { kinds, scratch })
    }
}
