//! `package.json` (npm documentation, "package.json").

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::context::Context;
use crate::error::PlanError;

/// The file's name.
pub(super) const FILE: &str = "package.json";

/// What a `package.json` says that a plan depends on.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Package {
    /// The module that the package is.
    pub(super) main: Option<String>,
    /// Commands by name.
    #[serde(default)]
    pub(super) scripts: BTreeMap<String, String>,
    /// What it depends on.
    #[serde(default)]
    pub(super) dependencies: BTreeMap<String, String>,
    #[serde(default, rename = "optionalDependencies")]
    optional: BTreeMap<String, String>,
    #[serde(default)]
    engines: Engines,
    /// Other packages in the folder.
    pub(super) workspaces: Option<serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Engines {
    node: Option<String>,
}

impl Package {
    /// Reads the folder's `package.json`; without one, the package says nothing.
    pub(super) fn read(context: Context<'_>) -> Result<Self, PlanError> {
        match context.text(FILE)? {
            Some(text) => parse(FILE, &text),
            None => Ok(Self::default()),
        }
    }

    /// Answers whether anything has to be installed.
    pub(super) fn has_dependencies(&self) -> bool {
        !self.dependencies.is_empty() || !self.optional.is_empty()
    }

    /// Answers whether it depends on the package `name`.
    pub(super) fn depends_on(&self, name: &str) -> bool {
        self.dependencies.contains_key(name)
    }

    /// Answers the versions of Node that it asks for.
    pub(super) fn node(&self) -> Option<&str> {
        self.engines.node.as_deref()
    }
}

/// Answers whether the package has something to start. One that cannot be read has, so that the error is seen.
pub(super) fn starts_something(context: Context<'_>) -> bool {
    Package::read(context).map_or(true, |package| {
        package.scripts.contains_key("start") || package.main.is_some()
    })
}

/// Reads JSON, and says in the error where it is wrong.
pub(super) fn parse<T: for<'de> Deserialize<'de>>(path: &str, text: &str) -> Result<T, PlanError> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let end = message.rfind(" at line ").unwrap_or(message.len());
        PlanError::Broken {
            path: path.to_owned(),
            line: error.line(),
            message: message[..end].to_owned(),
        }
    })
}
