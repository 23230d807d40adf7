//! `uv.lock` (uv documentation, "The lockfile") and `pylock.toml` (PEP 751): uv reads them itself. Here only what the
//! plan has to know is read: which packages they name, and which files of the folder they need.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::{Table, Value};

use super::closure::{Closure, Edge};
use super::{beside, outdated, with_project};
use crate::context::Context;
use crate::error::PlanError;
use crate::python::local::{self, Local};
use crate::python::{name, pyproject};

/// What the plan has to know of a lock that uv reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::python) struct OfUv {
    /// The normalised names of the packages.
    pub(in crate::python) names: BTreeSet<String>,
    /// The files of the folder that are read, sorted.
    pub(in crate::python) files: Vec<String>,
    pub(in crate::python) needs_git: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct File {
    requires_python: String,
    package: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Entry {
    name: String,
    source: BTreeMap<String, Value>,
    dependencies: Vec<Dependency>,
    optional_dependencies: BTreeMap<String, Vec<Dependency>>,
    metadata: Option<Metadata>,
}

#[derive(Clone, Deserialize)]
struct Dependency {
    name: String,
    #[serde(default)]
    extra: Vec<String>,
    marker: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Metadata {
    requires_dist: Vec<Table>,
}

/// Reads the `uv.lock` at `path`, which has to fit the `pyproject.toml` beside it.
pub(in crate::python) fn read(context: Context<'_>, path: &str) -> Result<OfUv, PlanError> {
    let (file, project) = with_project::<File>(context, path)?;
    let root = file.package.iter().find(|entry| entry.folder() == Some("."));
    let fits = |root: &Entry| {
        root.metadata
            .as_ref()
            .is_none_or(|metadata| fits(metadata, &project))
            && same_python(&file.requires_python, &project)
    };
    if root.is_some_and(|root| !fits(root)) {
        return Err(outdated(path, pyproject::FILE, "uv lock"));
    }
    let mut files = BTreeSet::from([path.to_owned()]);
    files.extend(settings(context));
    for entry in &file.package {
        if let Some(folder) = entry.folder().filter(|folder| *folder != ".") {
            add_local(context, (path, folder), &mut files)?;
        }
    }
    Ok(OfUv {
        names: names(&file, root),
        files: files.into_iter().collect(),
        needs_git: file.package.iter().any(|entry| entry.source.contains_key("git")),
    })
}

/// Projects and settings of a workspace may lie anywhere in it.
fn settings(context: Context<'_>) -> impl Iterator<Item = String> {
    let is_setting = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        matches!(name, "pyproject.toml" | "uv.toml")
    };
    let paths = context.source.entries().iter().map(|entry| &entry.path);
    paths.filter(is_setting).cloned()
}

fn add_local(
    context: Context<'_>,
    (lock, path): (&str, &str),
    files: &mut BTreeSet<String>,
) -> Result<(), PlanError> {
    if let Local::Files(found) = local::find(context, &beside(lock, path), &format!("`{lock}`"))? {
        files.extend(found);
    }
    Ok(())
}

fn names(file: &File, root: Option<&Entry>) -> BTreeSet<String> {
    let edge = |dependency: &Dependency| Edge {
        name: name::normalised(&dependency.name),
        extras: dependency
            .extra
            .iter()
            .map(|extra| name::normalised(extra))
            .collect(),
        marker: dependency.marker.clone(),
    };
    let edges = file.package.iter().flat_map(|entry| {
        let own = entry.dependencies.iter().map(|dependency| (None, dependency));
        let optional = entry
            .optional_dependencies
            .iter()
            .flat_map(|(extra, dependencies)| {
                dependencies
                    .iter()
                    .map(move |dependency| (Some(name::normalised(extra)), dependency))
            });
        own.chain(optional)
            .map(|(extra, dependency)| (name::normalised(&entry.name), extra, edge(dependency)))
    });
    let roots = root
        .into_iter()
        .flat_map(|root| root.dependencies.iter().map(edge));
    Closure::of(roots.collect(), edges).names()
}

impl Entry {
    /// Answers the folder or archive that the package lies in, when it is none of an index.
    fn folder(&self) -> Option<&str> {
        let kinds = ["virtual", "editable", "directory", "path"];
        kinds.iter().find_map(|kind| self.source.get(*kind)?.as_str())
    }
}

/// Answers whether what was locked is what the project declares.
fn fits(metadata: &Metadata, project: &Table) -> bool {
    let Some(declared) = project.get("project") else {
        return true;
    };
    let lines = declared
        .get("dependencies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let optional = declared.get("optional-dependencies").and_then(Value::as_table);
    let optional = optional.into_iter().flat_map(|groups| groups.values());
    let optional = optional.filter_map(Value::as_array).flatten();
    let declared: Vec<_> = lines.chain(optional).filter_map(Value::as_str).collect();
    let locked = |name: &str| {
        let is_it = |entry: &&Table| entry.get("name").and_then(Value::as_str) == Some(name);
        metadata.requires_dist.iter().find(is_it)
    };
    let names: BTreeSet<_> = declared
        .iter()
        .filter_map(|line| name::of_requirement(line))
        .collect();
    let is_declared = |entry: &Table| {
        let name = entry.get("name").and_then(Value::as_str);
        name.is_some_and(|name| names.contains(name))
    };
    metadata.requires_dist.iter().all(is_declared)
        && declared.iter().all(|line| {
            let name = name::of_requirement(line).unwrap_or_default();
            locked(&name).is_some_and(|_| asks_for(metadata, &name, line))
        })
}

/// Answers whether an entry of the lock for this package asks for the versions that `line` does. One that comes from
/// elsewhere than an index asks for none.
fn asks_for(metadata: &Metadata, name: &str, line: &str) -> bool {
    let entries = metadata.requires_dist.iter();
    let mut own = entries.filter(|entry| entry.get("name").and_then(Value::as_str) == Some(name));
    own.any(|entry| {
        let is_elsewhere = ["git", "url", "path", "directory", "editable", "virtual"]
            .iter()
            .any(|key| entry.contains_key(*key));
        let locked = entry.get("specifier").and_then(Value::as_str).unwrap_or_default();
        is_elsewhere || specifiers(locked) == specifiers(specifier(line))
    })
}

/// Answers the part of a requirement that says which versions.
fn specifier(line: &str) -> &str {
    let wanted = line.split(';').next().unwrap_or(line);
    let start = wanted.find(['<', '>', '=', '!', '~']).unwrap_or(wanted.len());
    wanted[start..].trim_end_matches(')')
}

fn specifiers(text: &str) -> BTreeSet<String> {
    let parts = text.split(',').map(|part| part.replace(' ', "").to_lowercase());
    parts.filter(|part| !part.is_empty()).collect()
}

fn same_python(locked: &str, project: &Table) -> bool {
    let declared = project
        .get("project")
        .and_then(|project| project.get("requires-python"));
    let declared = declared.and_then(Value::as_str);
    declared.is_none_or(|declared| locked.is_empty() || specifiers(locked) == specifiers(declared))
}

/// Reads the `pylock.toml` at `path`.
pub(in crate::python) fn read_pylock(context: Context<'_>, path: &str) -> Result<OfUv, PlanError> {
    let text = context.named_text(path, "`build.python`")?;
    let file: Table = pyproject::parse(path, &text)?;
    let packages = file
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut found = OfUv::default();
    let mut files = BTreeSet::from([path.to_owned()]);
    for package in packages {
        let name = package.get("name").and_then(Value::as_str);
        found.names.extend(name.map(name::normalised));
        found.needs_git |= package.get("vcs").is_some();
        for kind in ["directory", "archive"] {
            let local = package.get(kind).and_then(|place| place.get("path"));
            if let Some(folder) = local.and_then(Value::as_str).filter(|folder| *folder != ".") {
                add_local(context, (path, folder), &mut files)?;
            }
        }
    }
    found.files = files.into_iter().collect();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitting(requires: &str, dependencies: &str) -> bool {
        let metadata = toml::from_str(&format!("requires-dist = [{requires}]")).unwrap();
        let project =
            format!("[project]\ndependencies = [{dependencies}]\noptional-dependencies.x = ['redis>=5']");
        fits(&metadata, &toml::from_str(&project).unwrap())
    }

    #[test]
    fn a_lock_fits_a_project_that_asks_for_the_same_packages_and_versions() {
        let redis = "{name = 'redis', marker = \"extra == 'x'\", specifier = '>=5'}";
        for (requires, dependencies, is_fitting) in [
            (
                "{name = 'flask', specifier = '>=3.1,<4'}",
                "'Flask (<4, >=3.1)'",
                true,
            ),
            (
                "{name = 'flask', specifier = '>=3'}",
                "'flask[async]>=3; x'",
                true,
            ),
            ("{name = 'flask', git = 'https://x'}", "'flask>=3'", true),
            ("{name = 'flask'}", "'flask'", true),
            ("{name = 'flask', specifier = '>=3'}", "'flask>=4'", false),
            ("{name = 'flask'}", "'flask', 'httpx'", false),
            ("{name = 'flask'}, {name = 'httpx'}", "'flask'", false),
        ] {
            let requires = format!("{requires}, {redis}");
            assert_eq!(
                fitting(&requires, dependencies),
                is_fitting,
                "{requires} {dependencies}"
            );
        }
    }

    #[test]
    fn what_only_other_groups_and_extras_need_is_not_named() {
        let file: File = toml::from_str(
            "requires-python = '>=3.11'\n\
             [[package]]\nname = 'app'\nsource = {virtual = '.'}\ndependencies = [{name = 'httpx', extra = ['http2']}]\n\
             optional-dependencies = {cache = [{name = 'redis'}]}\ndev-dependencies = {dev = [{name = 'pytest'}]}\n\
             [[package]]\nname = 'httpx'\ndependencies = [{name = 'anyio'}]\n\
             optional-dependencies = {http2 = [{name = 'h2'}], socks = [{name = 'socksio'}]}\n\
             [[package]]\nname = 'pytest'\n",
        )
        .unwrap();
        let found = names(&file, file.package.first());
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["anyio", "h2", "httpx"]);
    }
}
