//! What is in the store: each thing with what it takes and when it was last of use.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use coracle_spec::Digest;
use fs_err as fs;
use serde::Serialize;

use crate::disk_use::{disk_use, taken};
use crate::document::{Contents, contents, named_in};
use crate::error::{Context, StoreError};
use crate::store::{Store, cache_key};
use crate::tree;

/// What something in the store is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The manifests and configurations of images.
    Images,
    /// Layers, compressed.
    Layers,
    /// Layers and builder roots, unpacked.
    Trees,
    /// Debian packages and lists of them.
    Packages,
    /// The caches of package managers.
    Caches,
    /// What steps resulted in, and what the files of source folders hash to.
    Records,
}

impl Kind {
    /// Each kind, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Images,
        Self::Layers,
        Self::Trees,
        Self::Packages,
        Self::Caches,
        Self::Records,
    ];
}

/// Something in the store that can be made again.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
    /// What keeps it when it is leased or named by what is kept; `None` for what nothing keeps.
    pub(crate) digest: Option<Digest>,
    /// What it takes on the disk.
    pub(crate) bytes: u64,
    /// When it, or a record that names it, was last of use.
    pub(crate) used: SystemTime,
}

/// Everything in the store.
pub(crate) struct Inventory {
    pub(crate) items: Vec<Item>,
}

impl Inventory {
    /// Looks at everything in the store.
    pub(crate) fn take(store: &Store) -> Result<Self, StoreError> {
        let mut listing = Listing {
            store,
            items: Vec::new(),
            naming: Vec::new(),
        };
        listing.blobs()?;
        listing.trees()?;
        listing.records()?;
        listing.stats()?;
        listing.caches()?;
        listing.finish()
    }
}

/// A record, by when it was last of use and what it names.
struct Naming {
    used: SystemTime,
    named: Vec<Digest>,
}

struct Listing<'a> {
    store: &'a Store,
    items: Vec<Item>,
    naming: Vec<Naming>,
}

impl Listing<'_> {
    fn blobs(&mut self) -> Result<(), StoreError> {
        for (path, metadata) in entries(&self.store.folder("blobs/sha256"))? {
            let kind = match contents(&path).context("read", &path)? {
                Contents::Document => Kind::Images,
                Contents::Package => Kind::Packages,
                Contents::Other => Kind::Layers,
            };
            self.add(kind, path, digest_of, &metadata);
        }
        Ok(())
    }

    fn trees(&mut self) -> Result<(), StoreError> {
        for (path, metadata) in entries(&self.store.folder("trees"))? {
            // A torn one is of no use; what it takes is not worth a walk.
            let (bytes, used) = tree::weigh(&path).unwrap_or((taken(&metadata), SystemTime::UNIX_EPOCH));
            self.items.push(Item {
                kind: Kind::Trees,
                digest: digest_of(&path),
                path,
                bytes,
                used,
            });
        }
        Ok(())
    }

    fn records(&mut self) -> Result<(), StoreError> {
        for (folder, _) in entries(&self.store.folder("records"))? {
            for (path, metadata) in entries(&folder)? {
                let named = named_in(&fs::read(&path).unwrap_or_default());
                if named.is_empty() {
                    continue;
                }
                let used = modified(&metadata);
                self.naming.push(Naming { used, named });
                self.add(Kind::Records, path, |_| None, &metadata);
            }
        }
        Ok(())
    }

    fn stats(&mut self) -> Result<(), StoreError> {
        for (path, metadata) in entries(&self.store.folder("stats"))? {
            self.add(Kind::Records, path, |_| None, &metadata);
        }
        Ok(())
    }

    fn caches(&mut self) -> Result<(), StoreError> {
        for (path, metadata) in entries(&self.store.folder("caches"))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.items.push(Item {
                kind: Kind::Caches,
                digest: Some(cache_key(&name)),
                bytes: disk_use(&path, u64::MAX).context("look at", &path)?,
                used: modified(&metadata),
                path,
            });
        }
        Ok(())
    }

    fn add(
        &mut self,
        kind: Kind,
        path: PathBuf,
        digest: impl Fn(&Path) -> Option<Digest>,
        metadata: &std::fs::Metadata,
    ) {
        self.items.push(Item {
            kind,
            digest: digest(&path),
            path,
            bytes: taken(metadata),
            used: modified(metadata),
        });
    }

    /// What a record names was of use when the record was: a build that finds its image looks at no step's layers.
    fn finish(mut self) -> Result<Inventory, StoreError> {
        let mut used: BTreeMap<Digest, SystemTime> = BTreeMap::new();
        self.naming.sort_by_key(|naming| std::cmp::Reverse(naming.used));
        for naming in &self.naming {
            self.store.each_named(&naming.named, |digest| {
                let first = !used.contains_key(digest);
                used.entry(*digest).or_insert(naming.used);
                first
            })?;
        }
        for item in &mut self.items {
            let named = item.digest.and_then(|digest| used.get(&digest));
            item.used = item.used.max(named.copied().unwrap_or(item.used));
        }
        Ok(Inventory { items: self.items })
    }
}

/// Answers what is in a folder of the store; what vanishes meanwhile is left out.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, std::fs::Metadata)>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).context("list", folder)? {
        let entry = entry.context("list", folder)?;
        match entry.metadata() {
            Ok(metadata) => found.push((entry.path(), metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("look at", &entry.path()),
        }
    }
    Ok(found)
}

fn digest_of(path: &Path) -> Option<Digest> {
    format!("sha256:{}", path.file_name()?.to_str()?).parse().ok()
}

fn modified(metadata: &std::fs::Metadata) -> SystemTime {
    metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}
