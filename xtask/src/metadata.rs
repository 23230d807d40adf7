//! What Cargo says about the workspace and everything it uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::command::cargo_output;

/// The parts of `cargo metadata` (The Cargo Book, "cargo metadata", format version 1) that chores look at.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
    pub(crate) workspace_root: PathBuf,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

/// A package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Debug, Deserialize)]
struct DepKind {
    kind: Option<String>,
}

impl Edge {
    /// Answers whether the program itself contains the dependency, not only its tests or its build script.
    fn is_normal(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.is_none())
    }
}

/// Asks Cargo.
pub(crate) fn read() -> Result<Metadata> {
    let text = cargo_output(&[
        "metadata",
        "--format-version=1",
        "--filter-platform=x86_64-unknown-linux-gnu",
    ])?;
    serde_json::from_str(&text).context("cannot understand `cargo metadata`")
}

impl Metadata {
    /// Answers the workspace's own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Answers the version of the workspace's package called `name`.
    pub(crate) fn version(&self, name: &str) -> Result<&str> {
        match self.members().find(|package| package.name == name) {
            Some(package) => Ok(&package.version),
            None => bail!("the workspace has no package `{name}`"),
        }
    }

    /// Answers the names of the packages that `package` itself names as dependencies.
    pub(crate) fn dependencies(&self, package: &Package) -> BTreeSet<&str> {
        let names = self.names();
        self.edges(&package.id)
            .filter_map(|id| names.get(id).copied())
            .collect()
    }

    fn names(&self) -> BTreeMap<&str, &str> {
        self.packages
            .iter()
            .map(|package| (package.id.as_str(), package.name.as_str()))
            .collect()
    }

    fn edges<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let node = self.resolve.nodes.iter().find(|node| node.id == id);
        node.into_iter()
            .flat_map(|node| &node.deps)
            .filter(|edge| edge.is_normal())
            .map(|edge| edge.pkg.as_str())
    }
}
