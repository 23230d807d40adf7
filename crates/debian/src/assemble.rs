//! Makes layers and trees of a lock's packages.
//!
//! A base has two parts, one on top of the other: what all bases share, and the rest. Both are unpacked at once
//! into directories of the store; a runtime's become layers, read back in the order of their paths, while a
//! builder's are used as they are. Sorting the entries of all packages needs them all unpacked, and holding them
//! in memory instead would take a gigabyte for a compiler.

mod error;
mod made;
mod plan;

use coracle_content::{Lease, Tree};
use coracle_oci::{CaptureOptions, Compression, Layer, LayerOptions, Trees, write_layer};
use coracle_spec::Digest;
use serde::{Deserialize, Serialize};

pub use self::error::AssembleError;
use self::made::Made;
use self::plan::{Plan, plans};
use crate::base_lock::BaseLock;
use crate::depot::Depot;
use crate::part::Part;
use crate::progress::Phase;
use crate::recipe::RECIPE_VERSION;
use crate::root::Root;
use crate::supply::Supply;

/// The kind of records that say which layer a part became.
const LAYER: &str = "debian-layer";

/// The kind of records that say under which digest a part's tree is.
const TREE: &str = "debian-tree";

/// Where a part's tree is.
#[derive(Debug, Serialize, Deserialize)]
struct TreeRecord {
    tree: Digest,
}

/// What a lock's parts are made with.
pub(crate) struct Assembler<'a> {
    pub(crate) depot: Depot<'a>,
}

impl Assembler<'_> {
    /// Answers the layers of a lock, the shared one first; cached ones cost a look-up each.
    pub(crate) fn layers(
        &self,
        lock: &BaseLock,
        compression: Compression,
    ) -> Result<Vec<Layer>, AssembleError> {
        check_recipe(lock)?;
        let plans = plans(lock);
        if let Some(layers) = all(plans.iter().map(|plan| self.known_layer(plan, compression)))? {
            return Ok(layers);
        }
        let _guards = self.guard(&plans)?;
        let known = plans
            .iter()
            .map(|plan| self.known_layer(plan, compression))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(layers) = known.iter().cloned().collect::<Option<Vec<_>>>() {
            return Ok(layers);
        }
        let wanted: Vec<_> = known.iter().map(Option::is_none).collect();
        let trees = self.parts(lock, &plans, &wanted)?;
        let mut layers = Vec::new();
        for ((plan, known), tree) in plans.iter().zip(known).zip(trees) {
            layers.push(match (known, tree) {
                (Some(layer), _) => layer,
                (None, Made::Part(part)) => self.layer(plan, *part, compression)?,
                (None, Made::Tree(tree)) => self.layer_of_tree(plan, &tree, compression)?,
            });
        }
        Ok(layers)
    }

    /// Answers the unpacked trees of a lock, the shared one first.
    pub(crate) fn trees(&self, lock: &BaseLock) -> Result<Vec<Tree>, AssembleError> {
        check_recipe(lock)?;
        let plans = plans(lock);
        if let Some(trees) = all(plans.iter().map(|plan| self.known_tree(plan)))? {
            return Ok(trees);
        }
        let _guards = self.guard(&plans)?;
        let mut trees = Vec::new();
        for (plan, made) in plans
            .iter()
            .zip(self.parts(lock, &plans, &vec![true; plans.len()])?)
        {
            trees.push(match made {
                Made::Tree(tree) => tree,
                Made::Part(part) => self.tree(plan, *part)?,
            });
        }
        Ok(trees)
    }

    fn known_layer(&self, plan: &Plan<'_>, compression: Compression) -> Result<Option<Layer>, AssembleError> {
        let layer: Option<Layer> = self.depot.store.record(LAYER, &layer_key(plan, compression))?;
        match layer {
            Some(layer) if self.depot.store.blob(&layer.digest)?.is_some() => Ok(Some(layer)),
            _ => Ok(None),
        }
    }

    fn known_tree(&self, plan: &Plan<'_>) -> Result<Option<Tree>, AssembleError> {
        let record: Option<TreeRecord> = self.depot.store.record(TREE, &plan.key)?;
        match record {
            Some(record) => Ok(self.depot.store.tree(&record.tree)?),
            None => Ok(None),
        }
    }

    /// Waits until nobody else makes any of the parts.
    fn guard(&self, plans: &[Plan<'_>]) -> Result<Vec<coracle_content::Guard>, AssembleError> {
        plans
            .iter()
            .map(|plan| Ok(self.depot.store.lock(TREE, &plan.key)?))
            .collect()
    }

    /// Answers the trees of the plans that are wanted: those that are in the store, and new ones for the others.
    fn parts<'l>(
        &self,
        lock: &BaseLock,
        plans: &[Plan<'l>],
        wanted: &[bool],
    ) -> Result<Vec<Made<'l>>, AssembleError> {
        let _lease = self.lease(plans)?;
        let made = self.begun(plans, wanted)?;
        self.fill(&made)?;
        made.iter()
            .filter_map(Made::part)
            .for_each(|part| part.report(self.depot.progress));
        let mut below: Option<Root> = None;
        for tree in &made {
            if let Made::Part(part) = tree {
                part.complete(self.depot.store, lock.arch, below.as_ref())?;
            }
            below = Some(tree.root()?);
        }
        Ok(made)
    }

    /// Keeps what the plans are about from being collected.
    fn lease(&self, plans: &[Plan<'_>]) -> Result<Lease, AssembleError> {
        let lease = self.depot.store.lease()?;
        for plan in plans {
            lease.keep(&plan.key)?;
            let mut packages = plan.packages.iter();
            packages.try_for_each(|package| lease.keep(&package.sha256))?;
        }
        Ok(lease)
    }

    fn begun<'l>(&self, plans: &[Plan<'l>], wanted: &[bool]) -> Result<Vec<Made<'l>>, AssembleError> {
        let mut made = Vec::new();
        for (plan, wanted) in plans.iter().zip(wanted) {
            made.push(match self.known_tree(plan)? {
                Some(tree) => Made::Tree(tree),
                // A tree below is needed for links into it, be its own layer known or not.
                None if *wanted || made.is_empty() => {
                    Made::Part(Box::new(Part::new(self.depot.store, plan.packages)?))
                }
                None => continue,
            });
        }
        Ok(made)
    }

    fn fill(&self, made: &[Made<'_>]) -> Result<(), AssembleError> {
        let parts: Vec<_> = made.iter().filter_map(Made::part).collect();
        let places: Vec<_> = parts
            .iter()
            .flat_map(|part| {
                part.packages()
                    .iter()
                    .enumerate()
                    .map(move |(index, package)| (*part, index, package))
            })
            .collect();
        let packages: Vec<_> = places.iter().map(|(_, _, package)| *package).collect();
        let supply = Supply { depot: self.depot };
        supply.each(&packages, &|place, blob| {
            let (part, index, _) = places[place];
            part.add(index, blob)
        })
    }

    fn layer(
        &self,
        plan: &Plan<'_>,
        part: Part<'_>,
        compression: Compression,
    ) -> Result<Layer, AssembleError> {
        let bytes = part.bytes();
        self.depot.progress.started(Phase::Layer, bytes);
        let layer = self.write(plan, part.staged().path(), compression)?;
        part.into_staged().commit(&layer.diff_id)?;
        self.depot.progress.advanced(Phase::Layer, bytes);
        self.depot
            .store
            .put_record(TREE, &plan.key, &TreeRecord { tree: layer.diff_id })?;
        Ok(layer)
    }

    fn layer_of_tree(
        &self,
        plan: &Plan<'_>,
        tree: &Tree,
        compression: Compression,
    ) -> Result<Layer, AssembleError> {
        self.write(plan, tree.path(), compression)
    }

    fn write(
        &self,
        plan: &Plan<'_>,
        directory: &std::path::Path,
        compression: Compression,
    ) -> Result<Layer, AssembleError> {
        let options = LayerOptions {
            compression,
            epoch: i64::MAX,
            trees: Trees::Later,
        };
        let layer = write_layer(self.depot.store, &options, |layer| {
            layer.capture(directory, &CaptureOptions::default())
        })?;
        let layer = layer.noted(plan.note.clone());
        self.depot
            .store
            .put_record(LAYER, &layer_key(plan, compression), &layer)?;
        Ok(layer)
    }

    fn tree(&self, plan: &Plan<'_>, part: Part<'_>) -> Result<Tree, AssembleError> {
        let tree = part.into_staged().commit(&plan.key)?;
        self.depot
            .store
            .put_record(TREE, &plan.key, &TreeRecord { tree: plan.key })?;
        Ok(tree)
    }
}

fn check_recipe(lock: &BaseLock) -> Result<(), AssembleError> {
    if lock.recipe == RECIPE_VERSION {
        Ok(())
    } else {
        Err(AssembleError::OtherRecipe(lock.recipe))
    }
}

fn layer_key(plan: &Plan<'_>, compression: Compression) -> Digest {
    Digest::of_value(&(LAYER, plan.key, compression))
}

/// Answers all values, or none if one is missing.
fn all<T>(
    values: impl Iterator<Item = Result<Option<T>, AssembleError>>,
) -> Result<Option<Vec<T>>, AssembleError> {
    values.collect()
}
