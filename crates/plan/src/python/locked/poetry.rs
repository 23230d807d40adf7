//! `poetry.lock` (Poetry documentation, "Managing dependencies"; formats 1.1, 2.0 and 2.1).

mod content;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::closure::{Closure, Edge, Needed};
use super::{Locked, PUBLIC_INDEX, Package, What, outdated, relative, with_project};
use crate::context::Context;
use crate::error::PlanError;
use crate::python::range::Range;
use crate::python::{name, pyproject};
use content::digests;

/// The group of what the application itself depends on.
const MAIN: &str = "main";

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    package: Vec<Entry>,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    content_hash: Option<String>,
    /// Before format 2, archives are listed here.
    #[serde(default)]
    files: BTreeMap<String, Vec<Archive>>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: String,
    #[serde(default)]
    optional: bool,
    /// Since format 2.1.
    groups: Option<Vec<String>>,
    markers: Option<Markers>,
    #[serde(default)]
    files: Vec<Archive>,
    #[serde(default)]
    dependencies: Table,
    #[serde(default)]
    extras: BTreeMap<String, Vec<String>>,
    source: Option<Source>,
}

#[derive(Clone, Deserialize)]
struct Archive {
    hash: String,
}

/// When a package is installed: for all of its groups, or for each.
#[derive(Deserialize)]
#[serde(untagged)]
enum Markers {
    All(String),
    Groups(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    resolved_reference: Option<String>,
    subdirectory: Option<String>,
}

/// Reads the lock file at `path`, which has to fit the `pyproject.toml` beside it.
pub(in crate::python) fn read(context: Context<'_>, path: &str) -> Result<Locked, PlanError> {
    let (file, project) = with_project::<File>(context, path)?;
    let noted = file.metadata.content_hash.as_ref();
    let fits = |noted: &String| digests(&project).contains(noted);
    if noted.is_some_and(|noted| !fits(noted)) {
        return Err(outdated(path, pyproject::FILE, "poetry lock"));
    }
    locked(path, file, &project)
}

fn locked(path: &str, file: File, project: &Table) -> Result<Locked, PlanError> {
    let is_grouped = file.package.iter().all(|entry| entry.groups.is_some());
    if !is_grouped && let Some(name) = doubled(&file.package) {
        return Err(PlanError::Dependencies {
            message: format!("`{path}` has several versions of `{name}` and does not say when each is used"),
            instead: "write it anew with Poetry 2: `poetry lock`".to_owned(),
        });
    }
    let edges = file.package.iter().flat_map(Entry::edges);
    let closure = Closure::of(declared(project), edges);
    let mut indexes: Vec<String> = file.package.iter().filter_map(Entry::index).collect();
    indexes.dedup();
    indexes.sort();
    indexes.dedup();
    let older = file.metadata.files;
    let packages = file.package.into_iter().filter_map(|entry| {
        let marker = match &entry.groups {
            Some(groups) if !entry.optional && groups.iter().any(|group| group == MAIN) => entry.marker(),
            Some(_) => return None,
            None => match closure.needed(&name::normalised(&entry.name)) {
                Needed::Never => return None,
                Needed::Always => None,
                Needed::When(marker) => Some(marker),
            },
        };
        let listed = older.get(&entry.name).cloned().unwrap_or_default();
        Some(entry.package(marker, listed))
    });
    Ok(Locked {
        packages: packages.collect(),
        indexes,
    })
}

fn doubled(entries: &[Entry]) -> Option<&str> {
    let is_again =
        |index: usize, entry: &Entry| entries[..index].iter().any(|other| other.name == entry.name);
    let mut indexed = entries.iter().enumerate();
    let (_, entry) = indexed.find(|(index, entry)| is_again(*index, entry))?;
    Some(&entry.name)
}

impl Entry {
    fn marker(&self) -> Option<String> {
        match self.markers.as_ref()? {
            Markers::All(marker) => Some(marker.clone()),
            Markers::Groups(groups) => groups.get(MAIN).cloned(),
        }
    }

    /// What the package needs; what is optional is needed by the extras that name it.
    fn edges(&self) -> impl Iterator<Item = (String, Option<String>, Edge)> {
        let own = name::normalised(&self.name);
        edges_of(&self.dependencies).flat_map(move |(edge, is_optional)| {
            let naming = self.extras.iter().filter(|(_, lines)| {
                lines
                    .iter()
                    .any(|line| name::of_requirement(line).as_ref() == Some(&edge.name))
            });
            let extras: Vec<Option<String>> = if is_optional {
                naming.map(|(extra, _)| Some(name::normalised(extra))).collect()
            } else {
                vec![None]
            };
            let own = own.clone();
            extras
                .into_iter()
                .map(move |extra| (own.clone(), extra, edge.clone()))
        })
    }

    fn index(&self) -> Option<String> {
        let source = self.source.as_ref().filter(|source| source.kind == "legacy")?;
        (source.url.trim_end_matches('/') != PUBLIC_INDEX).then(|| source.url.clone())
    }

    fn package(self, marker: Option<String>, listed: Vec<Archive>) -> Package {
        let what = self.what();
        let is_of_index = matches!(what, What::Version(_));
        let hashes = self.files.into_iter().chain(listed).filter(|_| is_of_index);
        Package {
            what,
            name: self.name,
            hashes: hashes.map(|file| file.hash).collect(),
            marker,
        }
    }

    fn what(&self) -> What {
        let Some(source) = &self.source else {
            return What::exactly(&self.version);
        };
        let folder = source
            .subdirectory
            .iter()
            .map(|folder| format!("#subdirectory={folder}"));
        match source.kind.as_str() {
            "git" => {
                let reference = source
                    .resolved_reference
                    .iter()
                    .map(|commit| format!("@{commit}"));
                let address = [format!("git+{}", source.url)]
                    .into_iter()
                    .chain(reference)
                    .chain(folder);
                What::Address(address.collect())
            }
            "url" => What::Address([source.url.clone()].into_iter().chain(folder).collect()),
            "file" | "directory" => What::Path(relative(&source.url)),
            _ => What::exactly(&self.version),
        }
    }
}

/// What the application itself declares: in `[project]`, else in Poetry's own table, without what is optional.
fn declared(project: &Table) -> Vec<Edge> {
    let lines = project
        .get("project")
        .and_then(|project| project.get("dependencies"));
    let lines = lines.and_then(Value::as_array).into_iter().flatten();
    let standard = lines.filter_map(Value::as_str).filter_map(Edge::parse);
    let own = poetry(project)
        .and_then(|poetry| poetry.get("dependencies"))
        .and_then(Value::as_table);
    let own = own.into_iter().flat_map(edges_of);
    let needed = own.filter(|(_, is_optional)| !is_optional).map(|(edge, _)| edge);
    standard
        .chain(needed)
        .filter(|edge| edge.name != "python")
        .collect()
}

/// The dependencies that a table in Poetry's form names, and whether each is optional.
fn edges_of(table: &Table) -> impl Iterator<Item = (Edge, bool)> {
    table.iter().flat_map(|(name, value)| {
        let several = match value {
            Value::Array(several) => several.as_slice(),
            one => std::slice::from_ref(one),
        };
        several.iter().map(|value| edge(name, value))
    })
}

fn edge(name: &str, value: &Value) -> (Edge, bool) {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let extras = value
        .get("extras")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let python = text("python").and_then(Range::parse).map(|range| range.marker());
    let marker = [text("markers").map(without_extras), python];
    let marker: Vec<_> = marker
        .into_iter()
        .flatten()
        .filter(|marker| !marker.is_empty())
        .collect();
    let edge = Edge {
        name: name::normalised(name),
        extras: extras.filter_map(Value::as_str).map(name::normalised).collect(),
        marker: (!marker.is_empty()).then(|| marker.join(" and ")),
    };
    let is_optional = value.get("optional").and_then(Value::as_bool).unwrap_or(false);
    (edge, is_optional)
}

/// The extras that a condition asks for are those of the edge, and no requirement's.
fn without_extras(marker: &str) -> String {
    if !marker.contains("extra ==") {
        return marker.to_owned();
    }
    let parts = marker.split(" and ").filter(|part| !part.contains("extra =="));
    parts.collect::<Vec<_>>().join(" and ")
}

fn poetry(project: &Table) -> Option<&Table> {
    project.get("tool")?.get("poetry")?.as_table()
}

#[cfg(test)]
mod tests;
