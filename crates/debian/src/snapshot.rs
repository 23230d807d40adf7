//! The archive as it is now, from which the packages of bases are chosen.

use std::io::BufReader;
use std::sync::OnceLock;

use coracle_content::Store;
use coracle_spec::Digest;
use jiff::Timestamp;
use liblzma::read::XzDecoder;

use crate::base_lock::{BaseLock, LockedPackage, LockedSuite};
use crate::closure::closure;
use crate::debian::LockError;
use crate::index::{Index, Package};
use crate::recipe::{Kind, Omissions, RECIPE_VERSION, Recipe, common_roots};
use crate::release::{Arch, Release};
use crate::suites::{Fetched, SnapshotError};

/// The kind of records that hold what was chosen from lists of packages.
const CHOICE: &str = "debian-choice";

/// The packages of a release as the archive offers them now.
///
/// The lists are verified; they are read when something is chosen that was not chosen from the same lists before.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) store: Store,
    pub(crate) release: Release,
    pub(crate) arch: Arch,
    pub(crate) suites: Vec<Fetched>,
    pub(crate) index: OnceLock<Index>,
}

impl Snapshot {
    /// Chooses the packages of a base.
    ///
    /// # Panics
    /// When `recipe` is for another release or architecture than the snapshot.
    pub fn lock(&self, recipe: &Recipe) -> Result<BaseLock, LockError> {
        assert!(self.is_of(recipe), "a recipe for this snapshot");
        let key = self.key(recipe);
        let known: Option<BaseLock> = self.store.record(CHOICE, &key).map_err(SnapshotError::from)?;
        if let Some(known) = known.filter(|known| known.answers(recipe)) {
            // The lists are the same; the release files around them may have newer dates.
            return Ok(BaseLock {
                suites: self.locked_suites(),
                ..known
            });
        }
        let lock = self.choose(recipe)?;
        self.store
            .put_record(CHOICE, &key, &lock)
            .map_err(SnapshotError::from)?;
        Ok(lock)
    }

    /// Answers whether `recipe` is for the snapshot's release and architecture.
    pub fn is_of(&self, recipe: &Recipe) -> bool {
        (recipe.release, recipe.arch) == (self.release, self.arch)
    }

    /// Answers the release whose packages it has.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Answers when the newest of its lists was published.
    pub fn published(&self) -> Option<Timestamp> {
        self.suites.iter().map(|suite| suite.locked.date).max()
    }

    fn key(&self, recipe: &Recipe) -> Digest {
        let lists: Vec<_> = self.suites.iter().map(|suite| suite.locked.packages).collect();
        Digest::of_value(&(CHOICE, RECIPE_VERSION, recipe, lists))
    }

    fn choose(&self, recipe: &Recipe) -> Result<BaseLock, LockError> {
        let index = self.index()?;
        let common = match recipe.kind {
            Kind::Static => Kind::Static,
            Kind::Runtime | Kind::Builder => Kind::Runtime,
        };
        let common = closure(index, &common_roots(self.release, common), Omissions::of(common))?;
        let chosen = closure(index, &recipe.roots(), Omissions::of(recipe.kind))?;
        let is_shared = |package: &&Package| common.iter().any(|shared| shared.name == package.name);
        let (shared, packages): (Vec<_>, Vec<_>) = chosen.into_iter().partition(is_shared);
        Ok(BaseLock {
            recipe: RECIPE_VERSION,
            release: self.release,
            arch: self.arch,
            kind: recipe.kind,
            roots: recipe.packages.clone(),
            suites: self.locked_suites(),
            shared: shared.into_iter().map(locked).collect(),
            packages: packages.into_iter().map(locked).collect(),
        })
    }

    fn locked_suites(&self) -> Vec<LockedSuite> {
        self.suites.iter().map(|suite| suite.locked.clone()).collect()
    }

    fn index(&self) -> Result<&Index, SnapshotError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let index = read(&self.suites)?;
        Ok(self.index.get_or_init(|| index))
    }
}

fn read(suites: &[Fetched]) -> Result<Index, SnapshotError> {
    let mut index = Index::default();
    for Fetched { suite, list, .. } in suites {
        let lines = BufReader::with_capacity(1 << 18, XzDecoder::new(list.open()?));
        let read = index.read(lines, suite.part);
        read.map_err(|source| SnapshotError::Read {
            suite: suite.name.clone(),
            source,
        })?;
    }
    Ok(index.finish())
}

fn locked(package: &Package) -> LockedPackage {
    LockedPackage {
        name: package.name.to_string(),
        version: package.version.clone(),
        part: package.part,
        path: package.path.to_string(),
        size: package.size,
        sha256: package.sha256,
    }
}
