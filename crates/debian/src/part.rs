//! One of the trees of a base while it is filled: the packages that it is made of, and who has which path.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use coracle_content::{Blob, StagedTree, Store};
use coracle_oci::LayerPath;

use crate::assemble::AssembleError;
use crate::base_lock::LockedPackage;
use crate::deb::Deb;
use crate::fixes::Fixes;
use crate::progress::Progress;
use crate::release::Arch;
use crate::root::{Directories, Root};
use crate::scripts;
use crate::supply::held;
use crate::unpack::{UnpackError, Unpacked, unpack};

/// A tree in the making.
pub(crate) struct Part<'p> {
    packages: &'p [LockedPackage],
    staged: StagedTree,
    root: Root,
    /// Which package wrote a path.
    owners: Mutex<HashMap<LayerPath, usize>>,
    /// Paths that several packages have, and the first of these packages.
    clashes: Mutex<BTreeMap<LayerPath, usize>>,
    unpacked: Mutex<BTreeMap<usize, Unpacked>>,
}

impl<'p> Part<'p> {
    pub(crate) fn new(store: &Store, packages: &'p [LockedPackage]) -> Result<Self, AssembleError> {
        let staged = store.stage_tree()?;
        let root = Root::open(staged.path()).map_err(AssembleError::Tree)?;
        Ok(Self {
            packages,
            staged,
            root,
            owners: Mutex::default(),
            clashes: Mutex::default(),
            unpacked: Mutex::default(),
        })
    }

    pub(crate) fn packages(&self) -> &'p [LockedPackage] {
        self.packages
    }

    pub(crate) fn staged(&self) -> &StagedTree {
        &self.staged
    }

    pub(crate) fn into_staged(self) -> StagedTree {
        self.staged
    }

    /// Answers how many bytes were unpacked.
    pub(crate) fn bytes(&self) -> u64 {
        held(&self.unpacked).values().map(|unpacked| unpacked.bytes).sum()
    }

    /// Unpacks a package; called from several threads, in any order.
    pub(crate) fn add(&self, index: usize, blob: &Blob) -> Result<(), AssembleError> {
        let unpacked = self.unpack(index, blob, &mut |path| self.claim(path, index))?;
        held(&self.unpacked).insert(index, unpacked);
        Ok(())
    }

    /// Tells what the packages' scripts would do that nothing does in their place.
    pub(crate) fn report(&self, progress: &dyn Progress) {
        for (index, unpacked) in &*held(&self.unpacked) {
            for effect in scripts::missed(&unpacked.control.postinst) {
                progress.missed(&self.packages[*index].name, effect);
            }
        }
    }

    /// Completes the tree once all packages are in it. The result depends on the packages alone, not on the
    /// order in which they came.
    pub(crate) fn complete(
        &self,
        store: &Store,
        arch: Arch,
        below: Option<&Root>,
    ) -> Result<(), AssembleError> {
        self.settle(store)?;
        let unpacked = held(&self.unpacked);
        let mut directories = Directories::new();
        for (path, metadata) in unpacked.values().flat_map(|one| &one.directories) {
            directories
                .entry(path.clone())
                .or_insert_with(|| metadata.clone());
        }
        let mut fixes = Fixes {
            root: &self.root,
            below,
            directories: &mut directories,
        };
        if below.is_none() {
            fixes.skeleton(arch)?;
        }
        fixes.packages(
            unpacked
                .iter()
                .map(|(index, one)| (self.packages[*index].name.as_str(), &one.control)),
        )?;
        self.root.finish(&directories, below).map_err(AssembleError::Tree)
    }

    /// Gives each path that several packages have to the first of them, if another one was quicker.
    fn settle(&self, store: &Store) -> Result<(), AssembleError> {
        let clashes = std::mem::take(&mut *held(&self.clashes));
        let mut wrong: BTreeMap<usize, BTreeSet<LayerPath>> = BTreeMap::new();
        for (path, first) in clashes {
            tracing::debug!(path = %path, package = self.packages[first].name, "several packages have the path");
            if held(&self.owners).get(&path) != Some(&first) {
                wrong.entry(first).or_default().insert(path);
            }
        }
        for (index, paths) in wrong {
            let blob = store.existing_blob(&self.packages[index].sha256)?;
            self.unpack(index, &blob, &mut |path| paths.contains(path))?;
        }
        Ok(())
    }

    /// Answers whether the package may write `path`.
    fn claim(&self, path: &LayerPath, index: usize) -> bool {
        let mut owners = held(&self.owners);
        let owner = *owners.entry(path.clone()).or_insert(index);
        if owner != index {
            let mut clashes = held(&self.clashes);
            let first = clashes.entry(path.clone()).or_insert(owner);
            *first = (*first).min(index).min(owner);
        }
        owner == index
    }

    fn unpack(
        &self,
        index: usize,
        blob: &Blob,
        takes: &mut dyn FnMut(&LayerPath) -> bool,
    ) -> Result<Unpacked, AssembleError> {
        let failed = |source: UnpackError| AssembleError::Package {
            package: self.packages[index].name.clone(),
            source,
        };
        let mut deb = Deb::new(blob.open()?).map_err(|error| failed(error.into()))?;
        unpack(&mut deb, &mut self.root.writer(), takes).map_err(failed)
    }
}
