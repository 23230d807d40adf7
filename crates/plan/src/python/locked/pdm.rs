//! `pdm.lock` (PDM documentation, "Lock file"; formats 4.x).

use serde::Deserialize;
use toml::{Table, Value};

use super::closure::{Closure, Edge, Needed};
use super::fresh::{self, USUAL};
use super::{Locked, Package, What, outdated, relative, with_project};
use crate::context::Context;
use crate::error::PlanError;
use crate::python::{name, pyproject};

/// The group of what the application itself depends on.
const MAIN: &str = "default";

#[derive(Deserialize)]
struct File {
    metadata: Metadata,
    #[serde(default)]
    package: Vec<Entry>,
}

#[derive(Deserialize)]
struct Metadata {
    content_hash: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    name: String,
    version: String,
    extras: Vec<String>,
    groups: Option<Vec<String>>,
    marker: Option<String>,
    dependencies: Vec<String>,
    files: Vec<Archive>,
    git: Option<String>,
    revision: Option<String>,
    subdirectory: Option<String>,
    url: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize)]
struct Archive {
    hash: String,
}

/// Reads the lock file at `path`, which has to fit the `pyproject.toml` beside it.
pub(in crate::python) fn read(context: Context<'_>, path: &str) -> Result<Locked, PlanError> {
    let (file, project) = with_project::<File>(context, path)?;
    let noted = file.metadata.content_hash.as_deref();
    if noted.is_some_and(|noted| noted != format!("sha256:{}", digest(&project))) {
        return Err(outdated(path, pyproject::FILE, "pdm lock"));
    }
    Ok(locked(file, &project))
}

/// Locks that do not inherit metadata name no groups: then what the project declares leads to what it needs.
fn locked(file: File, project: &Table) -> Locked {
    let closure = Closure::of(
        declared(project),
        file.package.iter().flat_map(|entry| {
            let edges = entry.dependencies.iter().filter_map(|line| Edge::parse(line));
            let extra = entry.extras.first().cloned();
            edges.map(move |edge| (name::normalised(&entry.name), extra.clone(), edge))
        }),
    );
    // What extras add is in entries of their own, beside the package's.
    let entries = file.package.into_iter().filter(|entry| entry.extras.is_empty());
    let packages = entries.filter_map(|entry| {
        let marker = match &entry.groups {
            Some(groups) if groups.iter().any(|group| group == MAIN) => entry.marker.clone(),
            Some(_) => return None,
            None => match closure.needed(&name::normalised(&entry.name)) {
                Needed::Never => return None,
                Needed::Always => None,
                Needed::When(marker) => Some(marker),
            },
        };
        Some(entry.package(marker))
    });
    Locked {
        packages: packages.collect(),
        indexes: Vec::new(),
    }
}

fn declared(project: &Table) -> Vec<Edge> {
    let lines = project
        .get("project")
        .and_then(|project| project.get("dependencies"));
    let lines = lines.and_then(Value::as_array).into_iter().flatten();
    lines.filter_map(Value::as_str).filter_map(Edge::parse).collect()
}

impl Entry {
    fn package(self, marker: Option<String>) -> Package {
        Package {
            what: self.what(),
            name: self.name,
            hashes: self.files.into_iter().map(|file| file.hash).collect(),
            marker,
        }
    }

    fn what(&self) -> What {
        let folder = self
            .subdirectory
            .iter()
            .map(|folder| format!("#subdirectory={folder}"));
        if let Some(git) = &self.git {
            let revision = self.revision.iter().map(|revision| format!("@{revision}"));
            let address = [format!("git+{git}")].into_iter().chain(revision).chain(folder);
            return What::Address(address.collect());
        }
        match (&self.url, &self.path) {
            (Some(url), _) => What::Address([url.clone()].into_iter().chain(folder).collect()),
            (None, Some(path)) => What::Path(relative(path)),
            (None, None) => What::exactly(&self.version),
        }
    }
}

/// What PDM notes of the project that it locked (`pdm.project.project_file`, `content_hash`).
fn digest(project: &Table) -> String {
    let of = |table: Option<&Value>, key: &str, otherwise: Value| {
        let value = table.and_then(|table| table.get(key)).cloned();
        (key.to_owned(), value.unwrap_or(otherwise))
    };
    let declared = project.get("project");
    let settings = project.get("tool").and_then(|tool| tool.get("pdm"));
    let (_, sources) = of(settings, "source", Value::Array(Vec::new()));
    let all = Table::from_iter([
        ("sources".to_owned(), sources),
        of(declared, "dependencies", Value::Array(Vec::new())),
        ("dev-dependencies".to_owned(), groups(project, settings).into()),
        of(declared, "optional-dependencies", Table::new().into()),
        of(declared, "requires-python", String::new().into()),
        of(settings, "resolution", Table::new().into()),
    ]);
    fresh::digest(all, &USUAL)
}

fn groups(project: &Table, settings: Option<&Value>) -> Table {
    let older = settings.and_then(|settings| settings.get("dev-dependencies"));
    let tables = [project.get("dependency-groups"), older];
    let mut all = Table::new();
    for (group, packages) in tables.into_iter().flatten().filter_map(Value::as_table).flatten() {
        let known = all
            .entry(name::normalised(group))
            .or_insert_with(|| Value::Array(Vec::new()));
        if let (Value::Array(known), Value::Array(packages)) = (known, packages) {
            known.extend(packages.iter().cloned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Table {
        toml::toml! {
            [project]
            name = "greeter"
            version = "0.1.0"
            requires-python = ">=3.11"
            dependencies = ["flask>=3.1,<4", "httpx[http2]; python_version >= '3.11'"]

            [project.optional-dependencies]
            redis = ["redis>=5"]

            [dependency-groups]
            dev = ["pytest>=8"]
        }
    }

    #[test]
    fn a_project_has_the_digest_that_pdm_notes() {
        // Written by PDM 2.29.3.
        assert_eq!(
            digest(&project()),
            "1459a2e025c3d9c8e44160950f829133eedabf990a3cbd26a4e216b77bb9734b"
        );
    }

    const PACKAGES: &str = r#"
        [metadata]
        content_hash = "sha256:0"
        [[package]]
        name = "flask"
        version = "3.1.3"
        GROUPS
        dependencies = ["click>=8; python_version < '4'", "importlib-metadata; python_version < '3.10'"]
        files = [{file = "flask.whl", hash = "sha256:1"}, {file = "flask.tar.gz", hash = "sha256:2"}]
        [[package]]
        name = "httpx"
        version = "0.28.1"
        GROUPS
        MARKER
        git = "https://git.example/httpx.git"
        revision = "12ab"
        [[package]]
        name = "httpx"
        version = "0.28.1"
        extras = ["http2"]
        GROUPS
        dependencies = ["h2<5", "httpx==0.28.1"]
        [[package]]
        name = "h2"
        version = "4.0"
        GROUPS
        MARKER
        [[package]]
        name = "pytest"
        version = "9"
        DEV
    "#;

    #[test]
    fn only_what_the_application_needs_is_installed() {
        let text = PACKAGES
            .replace("GROUPS", "groups = [\"default\", \"dev\"]")
            .replace("MARKER", "marker = \"python_version >= '3.11'\"")
            .replace("DEV", "groups = [\"dev\"]");
        let found = locked(toml::from_str(&text).unwrap(), &Table::new());
        assert_eq!(
            found.requirements(),
            "flask==3.1.3 --hash=sha256:1 --hash=sha256:2\n\
             httpx @ git+https://git.example/httpx.git@12ab ; python_version >= '3.11'\n\
             h2==4.0 ; python_version >= '3.11'\n"
        );
    }

    #[test]
    fn without_groups_the_projects_dependencies_lead_to_the_packages() {
        let text = PACKAGES
            .replace("GROUPS", "")
            .replace("MARKER", "")
            .replace("DEV", "");
        let found = locked(toml::from_str(&text).unwrap(), &project());
        assert_eq!(
            found.requirements(),
            "flask==3.1.3 --hash=sha256:1 --hash=sha256:2\n\
             httpx @ git+https://git.example/httpx.git@12ab ; python_version >= '3.11'\n\
             h2==4.0 ; python_version >= '3.11'\n"
        );
    }
}
