//! `coracle.lock`: what a project's builds are pinned to.
//!
//! Written by the first build, committed by the author, honoured after. It pins what the author's own lock files
//! do not: the packages of the base and the versions of tools. It names no host: the same file works behind any
//! mirror.

use std::collections::BTreeMap;

use coracle_spec::{Class, Failure};
use serde::{Deserialize, Serialize};

/// The name of the file in the project's folder.
pub const FILE_NAME: &str = "coracle.lock";

/// The version of the format.
const VERSION: u32 = 1;

/// The contents of `coracle.lock`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// The tools, sorted by registry and name.
    #[serde(default, rename = "tool", skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool>,
    /// What each recipe of a base resolved to. Only the crate that assembles bases knows what is in it.
    #[serde(default, rename = "base", skip_serializing_if = "BTreeMap::is_empty")]
    bases: BTreeMap<String, toml::Table>,
}

impl Default for Lock {
    fn default() -> Self {
        Self {
            version: VERSION,
            tools: Vec::new(),
            bases: BTreeMap::new(),
        }
    }
}

/// A tool from a language's registry, pinned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The package's name in its registry.
    pub name: String,
    /// What was asked for: `24`.
    pub request: String,
    /// The version that it resolved to.
    pub version: String,
    /// The checksum as Subresource Integrity writes it, or of a module as `go.sum` does.
    pub integrity: String,
    /// The path beneath the registry's address.
    pub path: String,
}

impl Lock {
    /// Reads the contents of a lock file.
    pub fn parse(text: &str) -> Result<Self, InvalidLock> {
        let lock: Self = toml::from_str(text).map_err(InvalidLock::Syntax)?;
        if lock.version == VERSION {
            Ok(lock)
        } else {
            Err(InvalidLock::Version { found: lock.version })
        }
    }

    /// Answers the contents of the file that [`Lock::parse`] reads.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEADER}{}", toml::to_string(self)?))
    }

    /// Answers the tool that the request for this package is pinned to.
    pub fn tool(&self, name: &str, request: &str) -> Option<&Tool> {
        self.tools
            .iter()
            .find(|tool| tool.name == name && tool.request == request)
    }

    /// Pins a tool, replacing what its request was pinned to.
    pub fn put_tool(&mut self, tool: Tool) {
        self.tools
            .retain(|other| (&other.name, &other.request) != (&tool.name, &tool.request));
        self.tools.push(tool);
        self.tools.sort();
    }

    /// Answers every tool, by its name.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter()
    }

    /// Answers every base's recipe, by its name, and what it is pinned to.
    pub fn bases(&self) -> impl Iterator<Item = (&String, &toml::Table)> {
        self.bases.iter()
    }

    /// Answers what a base's recipe is pinned to.
    pub fn base(&self, recipe: &str) -> Option<&toml::Table> {
        self.bases.get(recipe)
    }

    /// Pins a base's recipe, replacing what it was pinned to.
    pub fn put_base(&mut self, recipe: &str, locked: toml::Table) {
        self.bases.insert(recipe.to_owned(), locked);
    }

    /// Leaves only the pins that `plans` use, so that what a project no longer needs leaves its lock file.
    pub fn retain_used(&mut self, plans: &[crate::Plan]) {
        let ops = || plans.iter().flat_map(|plan| &plan.steps).map(|step| &step.op);
        let uses_base =
            |recipe: &String| ops().any(|op| matches!(op, crate::Op::Base(base) if base.recipe == *recipe));
        let uses_tool =
            |tool: &Tool| ops().any(|op| matches!(op, crate::Op::Fetch(fetch) if fetch.package == tool.name));
        self.bases.retain(|recipe, _| uses_base(recipe));
        self.tools.retain(uses_tool);
    }
}

const HEADER: &str =
    "# Written by `coracle build`; commit it, so that every build uses the same base and tools.\n\n";

/// Why a text is no lock file.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLock {
    /// It is no TOML, or holds other keys.
    #[error("`{FILE_NAME}` is broken")]
    Syntax(#[source] toml::de::Error),
    /// A different Coracle wrote it.
    #[error("`{FILE_NAME}` has version {found}, and this Coracle reads version {VERSION}")]
    Version {
        /// The version in the file.
        found: u32,
    },
}

impl Failure for InvalidLock {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Syntax(_) => format!(
                "restore `{FILE_NAME}` from version control, or delete it: the next build writes it anew"
            ),
            Self::Version { .. } => {
                format!("use a newer Coracle, or delete `{FILE_NAME}`: the next build writes it anew")
            }
        })
    }
}
