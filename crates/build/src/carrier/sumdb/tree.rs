//! The log's tree, which proves that an entry is in it (RFC 6962, section 2.1).

use std::cell::RefCell;
use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::SumDbError;

/// How many hashes a tile has, and its logarithm, which is also how many levels of the tree it stands for.
const TILE: u64 = 256;
const TILE_LEVELS: u32 = 8;

pub(super) type Hash = [u8; 32];

/// Answers the SHA-256 of parts, one after another.
pub(super) fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Answers the hash above two hashes.
pub(super) fn node(left: Hash, right: Hash) -> Hash {
    hash(&[&[1], &left, &right])
}

/// The log's tree, read by tiles. What they say is believed only once a root that it gives is the signed one.
pub(super) struct Tree<'a> {
    pub(super) size: u64,
    pub(super) get: &'a dyn Fn(&str) -> Result<Vec<u8>, SumDbError>,
    pub(super) tiles: RefCell<BTreeMap<(u32, u64), Vec<u8>>>,
}

impl Tree<'_> {
    /// Answers the hash of a range of leaves, of which the one at `place` is `leaf`.
    pub(super) fn root_with(
        &self,
        (from, to): (u64, u64),
        place: u64,
        leaf: Hash,
    ) -> Result<Hash, SumDbError> {
        if to - from == 1 {
            return Ok(leaf);
        }
        let middle = middle(from, to);
        Ok(if place < middle {
            node(
                self.root_with((from, middle), place, leaf)?,
                self.range(middle, to)?,
            )
        } else {
            node(
                self.range(from, middle)?,
                self.root_with((middle, to), place, leaf)?,
            )
        })
    }

    /// Answers the hash of a range of leaves that begins where a part of the tree does.
    fn range(&self, from: u64, to: u64) -> Result<Hash, SumDbError> {
        let count = to - from;
        if count.is_power_of_two() {
            return self.stored(count.ilog2(), from / count);
        }
        let middle = middle(from, to);
        Ok(node(self.range(from, middle)?, self.range(middle, to)?))
    }

    /// Answers the hash at a place of a level, leaves being level 0.
    fn stored(&self, level: u32, place: u64) -> Result<Hash, SumDbError> {
        let (tile_level, within) = (level / TILE_LEVELS, level % TILE_LEVELS);
        let first = place << within;
        let tile = self.tile(tile_level, first / TILE)?;
        let hashes: Vec<Hash> = tile.as_chunks::<32>().0.to_vec();
        let start = usize::try_from(first % TILE).unwrap_or(usize::MAX);
        let beneath = hashes
            .get(start..start.saturating_add(1 << within))
            .ok_or(SumDbError::Answer("tile"))?;
        Ok(combined(beneath))
    }

    fn tile(&self, level: u32, place: u64) -> Result<Vec<u8>, SumDbError> {
        if let Some(tile) = self.tiles.borrow().get(&(level, place)) {
            return Ok(tile.clone());
        }
        let hashes = self.size >> (TILE_LEVELS * level);
        let width = hashes.saturating_sub(place * TILE).min(TILE);
        let tile = (self.get)(&tile_path(level, place, width))?;
        self.tiles.borrow_mut().insert((level, place), tile.clone());
        Ok(tile)
    }
}

/// Answers where a range is split: the largest power of two that is less than its length.
pub(super) fn middle(from: u64, to: u64) -> u64 {
    from + (1 << (to - from - 1).ilog2())
}

/// Answers the hash above hashes, whose number is a power of two.
fn combined(hashes: &[Hash]) -> Hash {
    if let [one] = hashes {
        return *one;
    }
    let (left, right) = hashes.split_at(hashes.len() / 2);
    node(combined(left), combined(right))
}

/// Answers the path of a tile (`golang.org/x/mod/sumdb/tlog`, "Tile"): digits in groups of three, and how many hashes
/// it has when it is not full.
pub(super) fn tile_path(level: u32, place: u64, width: u64) -> String {
    let mut path = format!("{:03}", place % 1000);
    let mut rest = place / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    let partial = if width < TILE {
        format!(".p/{width}")
    } else {
        String::new()
    };
    format!("tile/{TILE_LEVELS}/{level}/{path}{partial}")
}
