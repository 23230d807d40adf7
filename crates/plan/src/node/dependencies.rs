//! What the author depends on: whether anything has to be installed, by which manager, and from which files.

use super::install::{Install, Scope};
use super::lockfile;
use super::manager::{self, Chosen, Manager};
use super::package::{FILE, Package};
use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;

/// Files at the top that managers read beside `package.json` and their lock file.
const SETTINGS: [&str; 6] = [
    ".npmrc",
    ".pnpmfile.cjs",
    ".yarnrc",
    ".yarnrc.yml",
    "pnpm-workspace.yaml",
    FILE,
];

/// Folders at the top that managers read.
const FOLDERS: [&str; 6] = [
    ".yarn/cache/",
    ".yarn/patches/",
    ".yarn/plugins/",
    ".yarn/releases/",
    "patches/",
    "npm-packages-offline-cache/",
];

/// Chooses how the author's dependencies are installed; without any in `scope`, they are not.
pub(super) fn choose(
    context: Context<'_>,
    package: &Package,
    scope: Scope,
    draft: &mut Draft,
) -> Result<Option<Install>, PlanError> {
    let has_workspaces = package.has_workspaces() || context.source.contains("pnpm-workspace.yaml");
    let is_developed = scope != Scope::Image && package.has_development();
    if !package.has_dependencies() && !has_workspaces && !is_developed {
        return Ok(None);
    }
    if let Some((name, path)) = package
        .dependencies
        .iter()
        .find(|(_, version)| is_outside(version))
    {
        return Err(outside(name, path));
    }
    let chosen = manager::choose(context, package)?;
    lockfile::check(context, package, &chosen)?;
    if chosen.lock.is_none() {
        draft.warnings.push(format!(
            "unlocked: there is no `{}`, so builds may differ",
            usual_lock(chosen.manager)
        ));
    }
    let has_local = has_workspaces || package.dependencies.values().any(|version| is_local(version));
    let packages = if has_local {
        own_packages(context)
    } else {
        Vec::new()
    };
    Ok(Some(Install {
        files: files(context, package, &chosen, &packages),
        chosen,
        scope,
        packages,
        has_offline_cache: has_beneath(context, ".yarn/cache/"),
    }))
}

fn usual_lock(manager: Manager) -> &'static str {
    match manager {
        Manager::Npm => "package-lock.json",
        Manager::Pnpm => "pnpm-lock.yaml",
        Manager::Yarn | Manager::Berry => "yarn.lock",
    }
}

fn is_local(version: &str) -> bool {
    ["file:", "link:", "portal:", "workspace:", "./"]
        .iter()
        .any(|start| version.starts_with(start))
}

/// Answers whether a dependency lies outside of the folder, which nothing of a build sees.
fn is_outside(version: &str) -> bool {
    let path = version.split_once(':').map_or(version, |(_, path)| path);
    let is_path = is_local(version) || version.starts_with("../") || version.starts_with('/');
    is_path && (path.starts_with('/') || path.split('/').any(|part| part == ".."))
}

fn outside(name: &str, path: &str) -> PlanError {
    PlanError::NotYet {
        what: format!("the dependency `{name}` (`{path}`) in `{FILE}`, which lies outside of the folder,"),
        instead: "build from the folder that holds both, with `build.entry` naming the application's file; \
                  publish it; or move its files into the application"
            .to_owned(),
    }
}

/// Answers the folders beneath the top that hold a `package.json`.
fn own_packages(context: Context<'_>) -> Vec<String> {
    let paths = context.source.entries().iter().map(|entry| entry.path.as_str());
    let folders = paths.filter_map(|path| path.strip_suffix(FILE)?.strip_suffix('/'));
    folders.map(str::to_owned).collect()
}

/// Answers what an install reads, sorted.
fn files(context: Context<'_>, package: &Package, chosen: &Chosen, packages: &[String]) -> Vec<String> {
    let archives: Vec<&str> = package
        .dependencies
        .values()
        .filter_map(|version| archive(version))
        .collect();
    let is_read = |path: &str| {
        Some(path) == chosen.lock
            || SETTINGS.contains(&path)
            || archives.contains(&path)
            || FOLDERS.iter().any(|folder| path.starts_with(folder))
            || packages
                .iter()
                .any(|folder| path.strip_prefix(folder.as_str()) == Some("/package.json"))
    };
    let paths = context.source.entries().iter().map(|entry| entry.path.as_str());
    paths.filter(|path| is_read(path)).map(str::to_owned).collect()
}

/// Answers the archive in the folder that a dependency is installed from.
fn archive(version: &str) -> Option<&str> {
    let path = version.strip_prefix("file:").unwrap_or(version);
    let path = path.strip_prefix("./").unwrap_or(path);
    [".tgz", ".tar.gz"]
        .iter()
        .any(|suffix| path.ends_with(suffix))
        .then_some(path)
}

fn has_beneath(context: Context<'_>, folder: &str) -> bool {
    context
        .source
        .entries()
        .iter()
        .any(|entry| entry.path.starts_with(folder))
}
