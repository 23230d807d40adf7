//! Root file systems of Debian packages.

use coracle_debian::{
    AssembleError, BaseLock, Debian, Kind, LockError, Progress, Recipe, Snapshot, UnknownRelease,
};
use coracle_oci::Compression;
use coracle_plan::{Arch, Base, BaseKind, Lock};
use coracle_spec::{Class, Failure};

use crate::outcome::Outcome;

/// Why a base cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// The plan names a release that is none.
    #[error(transparent)]
    Release(#[from] UnknownRelease),
    /// The packages cannot be chosen.
    #[error("cannot choose the packages")]
    Choose(#[from] LockError),
    /// The packages cannot be put together.
    #[error("cannot assemble the packages")]
    Assemble(#[from] AssembleError),
    /// What the lock file says about the base makes no sense.
    #[error("`coracle.lock` says nothing usable about the base `{recipe}`")]
    Lock {
        /// The base's recipe.
        recipe: String,
        /// What is wrong.
        source: toml::de::Error,
    },
    /// What the lock file says about the base cannot be written down.
    #[error("cannot write down the packages of the base `{recipe}`")]
    Write {
        /// The base's recipe.
        recipe: String,
        /// What is wrong.
        source: toml::ser::Error,
    },
    /// The lock file says nothing about the base.
    #[error("`coracle.lock` does not pin the base `{0}`")]
    NotLocked(String),
}

impl BaseError {
    /// Answers whether the archive no longer has what the lock file pins.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Assemble(error) if error.is_stale_lock())
    }
}

impl Failure for BaseError {
    fn class(&self) -> Class {
        match self {
            Self::Release(_) | Self::NotLocked(_) | Self::Write { .. } => Class::Internal,
            Self::Lock { .. } => Class::User,
            Self::Choose(error) => error.class(),
            Self::Assemble(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Lock { .. } => Some(
                "restore `coracle.lock` from version control, or delete it: the next build writes it anew"
                    .into(),
            ),
            Self::Release(_) | Self::NotLocked(_) | Self::Write { .. } => None,
            Self::Choose(error) => error.hint(),
            Self::Assemble(error) => error.hint(),
        }
    }
}

/// Answers the recipe of a base.
pub(crate) fn recipe(base: &Base) -> Result<Recipe, BaseError> {
    Ok(Recipe {
        release: base.release.parse()?,
        arch: match base.arch {
            Arch::Amd64 => coracle_debian::Arch::Amd64,
            Arch::Arm64 => coracle_debian::Arch::Arm64,
        },
        kind: match base.kind {
            BaseKind::Static => Kind::Static,
            BaseKind::Runtime => Kind::Runtime,
            BaseKind::Builder => Kind::Builder,
        },
        packages: base.packages.clone(),
    })
}

/// Answers whether `lock` pins a base, by a recipe that this program still has.
pub(crate) fn is_pinned(lock: &Lock, base: &Base) -> Result<bool, BaseError> {
    match pinned(lock, base) {
        Ok(locked) => Ok(locked.answers(&recipe(base)?)),
        Err(BaseError::NotLocked(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Answers the packages that `lock` pins a base to.
pub(crate) fn pinned(lock: &Lock, base: &Base) -> Result<BaseLock, BaseError> {
    let table = lock
        .base(&base.recipe)
        .ok_or_else(|| BaseError::NotLocked(base.recipe.clone()))?;
    table.clone().try_into().map_err(|source| BaseError::Lock {
        recipe: base.recipe.clone(),
        source,
    })
}

/// Chooses the packages of bases from the archive as it is now, and puts them into `lock`.
pub(crate) fn pin(
    debian: &Debian,
    bases: &[(&Base, Recipe)],
    lock: &mut Lock,
    progress: &dyn Progress,
) -> Result<(), BaseError> {
    let Some((_, first)) = bases.first() else {
        return Ok(());
    };
    let mut snapshot = debian.snapshot(first.release, first.arch, progress)?;
    for (base, recipe) in bases {
        if !snapshot.is_of(recipe) {
            snapshot = other(debian, &snapshot, recipe, progress)?;
        }
        let locked = snapshot.lock(recipe)?;
        let table = toml::Table::try_from(&locked).map_err(|source| BaseError::Write {
            recipe: base.recipe.clone(),
            source,
        })?;
        lock.put_base(&base.recipe, table);
    }
    Ok(())
}

/// Answers the lists for `recipe`, of the same state of the archive as those at hand where that is possible.
fn other(
    debian: &Debian,
    at_hand: &Snapshot,
    recipe: &Recipe,
    progress: &dyn Progress,
) -> Result<Snapshot, LockError> {
    if at_hand.release() == recipe.release {
        debian.snapshot_beside(at_hand, recipe.arch, progress)
    } else {
        debian.snapshot(recipe.release, recipe.arch, progress)
    }
}

/// Makes a base: layers where images stand on it, trees where only builds do.
pub(crate) fn assemble(
    debian: &Debian,
    lock: &BaseLock,
    progress: &dyn Progress,
) -> Result<Outcome, BaseError> {
    match lock.kind {
        Kind::Static | Kind::Runtime => Ok(Outcome::of_layers(debian.layers(
            lock,
            Compression::Zstd,
            progress,
        )?)),
        Kind::Builder => {
            let trees = debian.trees(lock, progress)?;
            Ok(Outcome::of_trees(trees.iter().map(|tree| *tree.digest())))
        }
    }
}
