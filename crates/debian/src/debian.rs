//! What callers hold.

use std::sync::OnceLock;

use coracle_content::{Store, Tree};
use coracle_fetch::Fetcher;
use coracle_oci::{Compression, Layer};
use coracle_spec::{Class, Failure};
use jiff::Timestamp;

use crate::archive::Archive;
use crate::assemble::{AssembleError, Assembler};
use crate::base_lock::BaseLock;
use crate::closure::ClosureError;
use crate::depot::Depot;
use crate::keyring::{Keyring, KeyringError};
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::release::{Arch, Release};
use crate::snapshot::Snapshot;
use crate::suites::{Reader, SnapshotError};

/// Makes bases of Debian packages. Synchronous: it reads the network and the disk, with threads of its own.
#[derive(Debug, Clone)]
pub struct Debian {
    store: Store,
    fetcher: Fetcher,
    archive: Archive,
    trust: Trust,
    clock: fn() -> Timestamp,
}

#[derive(Debug, Clone)]
enum Trust {
    Debian,
    Keyring(Keyring),
}

/// Why the packages of a base cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The archive's lists of packages cannot be used.
    #[error("cannot read Debian's lists of packages")]
    Snapshot(#[from] SnapshotError),
    /// The packages cannot be installed together.
    #[error("cannot choose the packages of the base")]
    Closure(#[from] ClosureError),
    /// The keys that this program trusts are broken.
    #[error("cannot use Debian's keys")]
    Keyring(#[from] KeyringError),
}

impl Failure for LockError {
    fn class(&self) -> Class {
        match self {
            Self::Snapshot(error) => error.class(),
            Self::Closure(error) => error.class(),
            Self::Keyring(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Snapshot(error) => error.hint(),
            Self::Closure(error) => error.hint(),
            Self::Keyring(_) => None,
        }
    }
}

impl Debian {
    /// Makes bases from `archive`, which must be signed with Debian's keys, and keeps them in `store`.
    pub fn new(store: Store, fetcher: Fetcher, archive: Archive) -> Self {
        Self {
            store,
            fetcher,
            archive,
            trust: Trust::Debian,
            clock: Timestamp::now,
        }
    }

    /// Trusts `keyring` instead of Debian's keys, for an archive that is signed otherwise.
    #[must_use]
    pub fn trusting(self, keyring: Keyring) -> Self {
        Self {
            trust: Trust::Keyring(keyring),
            ..self
        }
    }

    /// Takes the time from `clock` when it judges signatures and dates.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }

    /// Reads the archive's lists of packages as they are now; several bases can be locked from one snapshot.
    ///
    /// Each list is signed by a trusted key, counts now, and is not older than one seen before.
    pub fn snapshot(
        &self,
        release: Release,
        arch: Arch,
        progress: &dyn Progress,
    ) -> Result<Snapshot, LockError> {
        self.reading(progress, |reader| {
            Ok(Snapshot {
                store: self.store.clone(),
                release,
                arch,
                suites: reader.suites(release, arch)?,
                index: OnceLock::new(),
            })
        })
    }

    /// Reads the lists of packages of another architecture that belong to the same state of the archive as `snapshot`,
    /// so that the bases of a project's platforms have the same versions.
    pub fn snapshot_beside(
        &self,
        snapshot: &Snapshot,
        arch: Arch,
        progress: &dyn Progress,
    ) -> Result<Snapshot, LockError> {
        self.reading(progress, |reader| {
            Ok(Snapshot {
                store: self.store.clone(),
                release: snapshot.release,
                arch,
                suites: reader.beside(&snapshot.suites, arch)?,
                index: OnceLock::new(),
            })
        })
    }

    /// Lets `read` read the archive's lists, as this program trusts them.
    fn reading<T>(
        &self,
        progress: &dyn Progress,
        read: impl FnOnce(&Reader<'_>) -> Result<T, LockError>,
    ) -> Result<T, LockError> {
        let pinned;
        let keyring = match &self.trust {
            Trust::Keyring(keyring) => keyring,
            Trust::Debian => {
                pinned = Keyring::pinned()?;
                &pinned
            }
        };
        read(&Reader {
            depot: self.depot(progress),
            keyring,
            now: (self.clock)(),
        })
    }

    /// Chooses the packages of a base from the archive as it is now.
    pub fn lock(&self, recipe: &Recipe, progress: &dyn Progress) -> Result<BaseLock, LockError> {
        self.snapshot(recipe.release, recipe.arch, progress)?.lock(recipe)
    }

    /// Answers the layers of a base, lowest first: the one that all bases of the release share, then the rest.
    ///
    /// The same lock gives the same digests everywhere. No list of packages is read; what the store has costs one
    /// look-up. The layers' unpacked trees are made along the way.
    pub fn layers(
        &self,
        lock: &BaseLock,
        compression: Compression,
        progress: &dyn Progress,
    ) -> Result<Vec<Layer>, AssembleError> {
        self.assembler(progress).layers(lock, compression)
    }

    /// Answers the unpacked trees of a base, lowest first, without making layers: the root of a build.
    pub fn trees(&self, lock: &BaseLock, progress: &dyn Progress) -> Result<Vec<Tree>, AssembleError> {
        self.assembler(progress).trees(lock)
    }

    fn assembler<'a>(&'a self, progress: &'a dyn Progress) -> Assembler<'a> {
        Assembler {
            depot: self.depot(progress),
        }
    }

    fn depot<'a>(&'a self, progress: &'a dyn Progress) -> Depot<'a> {
        Depot {
            store: &self.store,
            fetcher: &self.fetcher,
            archive: &self.archive,
            progress,
        }
    }
}
