//! Which package manager installs the author's dependencies, in which version, from which lock file.
//!
//! ```text
//! build.node.manager ─► packageManager ─► the only lock file ─► npm, unlocked
//! ```
//!
//! Installing with another manager than the author's lost: each resolves the same ranges differently, so that the
//! image would hold other versions than those that were tested.

use coracle_spec::manifest::NodeManager;

use super::package::{self, Package};
use crate::context::Context;
use crate::error::PlanError;

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    /// npm.
    Npm,
    /// pnpm.
    Pnpm,
    /// Yarn 1, called classic.
    Yarn,
    /// Yarn from 2 on, called berry.
    Berry,
}

/// A package manager with what it installs from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) manager: Manager,
    /// The version that `packageManager` names.
    pub(super) version: Option<String>,
    /// The lock file, when there is one.
    pub(super) lock: Option<&'static str>,
}

/// Lock files, in the order in which each manager reads them.
const LOCKS: [(&str, NodeManager); 4] = [
    ("npm-shrinkwrap.json", NodeManager::Npm),
    ("package-lock.json", NodeManager::Npm),
    ("pnpm-lock.yaml", NodeManager::Pnpm),
    ("yarn.lock", NodeManager::Yarn),
];

/// Lock files of managers that come with another engine than Node.
const OTHERS: [(&str, NodeManager); 3] = [
    ("bun.lock", NodeManager::Bun),
    ("bun.lockb", NodeManager::Bun),
    ("deno.lock", NodeManager::Deno),
];

/// Chooses the package manager.
pub(super) fn choose(context: Context<'_>, package: &Package) -> Result<Chosen, PlanError> {
    let field = package.manager.as_deref().map(named).transpose()?;
    let own = context.manifest.build.node.manager;
    let wanted = own.or(field.as_ref().map(|(manager, _)| *manager));
    let manager = wanted.map_or_else(|| of_lock(context), Ok)?;
    let lock = LOCKS
        .into_iter()
        .find(|(file, of)| *of == manager && context.source.contains(file));
    let lock = lock.map(|(file, _)| file);
    let version = field
        .filter(|(of, _)| *of == manager)
        .and_then(|(_, version)| version);
    let manager = match manager {
        NodeManager::Npm => Manager::Npm,
        NodeManager::Pnpm => Manager::Pnpm,
        NodeManager::Yarn => yarn(context, version.as_deref())?,
        NodeManager::Bun => return Err(other("bun")),
        NodeManager::Deno => return Err(other("deno")),
    };
    Ok(Chosen {
        manager,
        version,
        lock,
    })
}

/// Answers whose the folder's lock files are; without any, npm is taken.
fn of_lock(context: Context<'_>) -> Result<NodeManager, PlanError> {
    let is_there = |(file, _): &(&str, NodeManager)| context.source.contains(file);
    let found: Vec<_> = LOCKS.into_iter().filter(is_there).collect();
    match found.as_slice() {
        [] => Ok(OTHERS
            .into_iter()
            .find(is_there)
            .map_or(NodeManager::Npm, |(_, manager)| manager)),
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => Ok(*first),
        _ => Err(several(&found)),
    }
}

fn several(found: &[(&str, NodeManager)]) -> PlanError {
    let files: Vec<_> = found.iter().map(|(file, _)| format!("`{file}`")).collect();
    PlanError::Dependencies {
        message: format!(
            "there are lock files of several package managers: {}",
            files.join(", ")
        ),
        instead: "delete those that are not kept up to date, or name the manager in `package.json`: \
                  `\"packageManager\": \"pnpm@10.34.9\"`"
            .to_owned(),
    }
}

/// Reads `packageManager` (Corepack's documentation): `pnpm@9.1.0+sha512.…`.
fn named(field: &str) -> Result<(NodeManager, Option<String>), PlanError> {
    let (name, version) = field.split_once('@').unwrap_or((field, ""));
    let manager = match name {
        "npm" => NodeManager::Npm,
        "pnpm" => NodeManager::Pnpm,
        "yarn" => NodeManager::Yarn,
        "bun" => NodeManager::Bun,
        "deno" => NodeManager::Deno,
        _ => return Err(unknown(field)),
    };
    let version = version.split('+').next().unwrap_or_default();
    Ok((manager, is_exact(version).then(|| version.to_owned())))
}

/// Corepack wants a whole version there, and so does whoever wants the same result tomorrow.
fn is_exact(version: &str) -> bool {
    version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u64>().is_ok())
}

fn unknown(field: &str) -> PlanError {
    PlanError::Dependencies {
        message: format!(
            "`packageManager` in `{}` is `{field}`, which is no package manager",
            package::FILE
        ),
        instead: "write `npm@VERSION`, `pnpm@VERSION` or `yarn@VERSION`, or leave it out".to_owned(),
    }
}

fn other(name: &str) -> PlanError {
    PlanError::NotYet {
        what: format!("installing with {name}"),
        instead: "add a `package-lock.json` (`npm install --package-lock-only`), and say \
                  `build: {node: {manager: npm}}` in `coracle.yaml`"
            .to_owned(),
    }
}

/// Tells Yarn's two lines apart: by the version that is asked for, by the lock file's form, by the settings' file.
fn yarn(context: Context<'_>, version: Option<&str>) -> Result<Manager, PlanError> {
    let is_classic = match (version, context.text("yarn.lock")?) {
        (Some(version), _) => version.starts_with("1."),
        (None, Some(lock)) if !lock.trim().is_empty() => !lock.contains("__metadata:"),
        _ => !context.source.contains(".yarnrc.yml"),
    };
    Ok(if is_classic { Manager::Yarn } else { Manager::Berry })
}
