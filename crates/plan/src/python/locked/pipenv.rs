//! `Pipfile.lock` (Pipenv documentation, "Pipfile & Pipfile.lock"; format 6).

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::fresh::{self, Separators};
use super::{Locked, PUBLIC_INDEX, Package, What, beside, outdated, relative};
use crate::context::Context;
use crate::error::PlanError;
use crate::python::pyproject;

/// Sections of a `Pipfile` that are not groups of packages.
const SECTIONS: [&str; 8] = [
    "source",
    "packages",
    "dev-packages",
    "requires",
    "scripts",
    "pipfile",
    "pipenv",
    "build-system",
];

/// What the lock file is made from.
const PIPFILE: &str = "Pipfile";

#[derive(Deserialize)]
struct File {
    #[serde(rename = "_meta")]
    meta: Meta,
    #[serde(default)]
    default: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    hash: BTreeMap<String, String>,
    #[serde(default)]
    sources: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    url: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    version: Option<String>,
    hashes: Vec<String>,
    markers: Option<String>,
    git: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    subdirectory: Option<String>,
    file: Option<String>,
    path: Option<String>,
}

/// Reads the lock file at `path`, which has to fit the `Pipfile` beside it.
pub(in crate::python) fn read(context: Context<'_>, path: &str) -> Result<Locked, PlanError> {
    let text = context.named_text(path, "`build.python`")?;
    let file: File = serde_json::from_str(&text).map_err(|error| PlanError::json(path, &error))?;
    let made_from = beside(path, PIPFILE);
    if let Some(text) = context.text(&made_from)? {
        let pipfile: Table = pyproject::parse(&made_from, &text)?;
        if file
            .meta
            .hash
            .get("sha256")
            .is_some_and(|hash| *hash != digest(&pipfile))
        {
            return Err(outdated(path, PIPFILE, "pipenv lock"));
        }
    }
    Ok(locked(file))
}

fn locked(file: File) -> Locked {
    let packages = file.default.into_iter().map(|(name, entry)| Package {
        what: entry.what(),
        name,
        hashes: entry.hashes,
        marker: entry.markers,
    });
    let indexes = file.meta.sources.into_iter().map(|source| source.url);
    Locked {
        packages: packages.collect(),
        indexes: indexes
            .filter(|url| url.trim_end_matches('/') != PUBLIC_INDEX && !url.contains('$'))
            .collect(),
    }
}

impl Entry {
    fn what(&self) -> What {
        if let Some(git) = &self.git {
            let reference = self.reference.iter().map(|reference| format!("@{reference}"));
            let folder = self
                .subdirectory
                .iter()
                .map(|folder| format!("#subdirectory={folder}"));
            let address = [format!("git+{git}")].into_iter().chain(reference).chain(folder);
            return What::Address(address.collect());
        }
        let local = |path: &String| What::Path(relative(path));
        match (&self.file, &self.path, &self.version) {
            (Some(file), ..) if file.contains("://") => What::Address(file.clone()),
            (Some(path), ..) | (_, Some(path), _) => local(path),
            (_, _, Some(version)) => What::of_specifier(version),
            (None, None, None) => What::Any,
        }
    }
}

/// What Pipenv notes of the `Pipfile` that it locked (`plette`, `Pipfile.get_hash`).
fn digest(pipfile: &Table) -> String {
    let table = |key: &str| pipfile.get(key).cloned().unwrap_or_else(|| Table::new().into());
    let meta = Table::from_iter([
        (
            "sources".to_owned(),
            pipfile.get("source").cloned().unwrap_or_else(usual_source),
        ),
        ("requires".to_owned(), table("requires")),
    ]);
    let mut all = Table::from_iter([
        ("_meta".to_owned(), meta.into()),
        ("default".to_owned(), table("packages")),
        ("develop".to_owned(), table("dev-packages")),
    ]);
    let groups = pipfile.iter().filter(|(key, _)| {
        !SECTIONS.contains(&key.as_str()) && !matches!(key.as_str(), "default" | "develop")
    });
    all.extend(groups.map(|(key, value)| (key.clone(), value.clone())));
    fresh::digest(all, &Separators(",", ":"))
}

/// What a `Pipfile` means that names no source.
fn usual_source() -> Value {
    let source = toml::toml! {
        name = "pypi"
        url = "https://pypi.org/simple"
        verify_ssl = true
    };
    vec![source].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipfile_has_the_digest_that_pipenv_notes() {
        // Written by Pipenv 2026.10.3.
        let pipfile = toml::toml! {
            [[source]]
            url = "https://pypi.org/simple"
            verify_ssl = true
            name = "pypi"

            [packages]
            flask = "~=3.1"
            httpx = {extras = ["http2"], version = "*"}
            colorama = {version = "*", markers = "sys_platform == 'win32'"}

            [dev-packages]
            pytest = "*"

            [requires]
            python_version = "3.11"
        };
        assert_eq!(
            digest(&pipfile),
            "81c0a0faee665becd891e2d8a98fe81f587a199aec1da9ad164bdfd2b86ca3b7"
        );
    }

    #[test]
    fn every_kind_of_package_becomes_a_requirement() {
        let text = r#"{
            "_meta": {"hash": {"sha256": "0"}, "sources": [{"url": "https://pypi.org/simple"}, {"url": "https://own.example/simple"}]},
            "default": {
                "a": {"version": "==1.0", "hashes": ["sha256:0", "sha256:1"], "markers": "python_version >= '3.9'"},
                "b": {"version": "*"},
                "c": {"git": "https://git.example/c.git", "ref": "12ab", "subdirectory": "python"},
                "d": {"file": "https://files.example/d.whl"},
                "e": {"path": "libs/e", "editable": true},
                "f": {"version": "~=2.1"}
            },
            "develop": {"pytest": {"version": "==8"}}
        }"#;
        let locked = locked(serde_json::from_str(text).unwrap());
        assert!(locked.needs_git());
        assert_eq!(
            locked.requirements(),
            "--extra-index-url https://own.example/simple\n\
             a==1.0 ; python_version >= '3.9' --hash=sha256:0 --hash=sha256:1\n\
             b\n\
             c @ git+https://git.example/c.git@12ab#subdirectory=python\n\
             d @ https://files.example/d.whl\n\
             ./libs/e\n\
             f~=2.1\n"
        );
    }
}
