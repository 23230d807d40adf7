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
    /// What only developing it needs.
    #[serde(default, rename = "devDependencies")]
    development: BTreeMap<String, String>,
    #[serde(default)]
    engines: Engines,
    /// Other packages in the folder.
    workspaces: Option<serde_json::Value>,
    /// The package manager and its version: `pnpm@9.1.0`.
    #[serde(rename = "packageManager")]
    pub(super) manager: Option<String>,
    /// The kind of module that its `.js` files are: `commonjs`, else `module`.
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    volta: Engines,
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

    /// Answers whether developing it needs anything.
    pub(super) fn has_development(&self) -> bool {
        !self.development.is_empty()
    }

    /// Answers whether only developing it needs the package `name`.
    pub(super) fn develops_with(&self, name: &str) -> bool {
        self.development.contains_key(name) && !self.dependencies.contains_key(name)
    }

    /// Answers whether anything has to be installed to run it.
    pub(super) fn has_dependencies(&self) -> bool {
        !self.dependencies.is_empty() || !self.optional.is_empty()
    }

    /// Answers whether it has a script that builds it.
    pub(super) fn has_build(&self) -> bool {
        self.scripts.contains_key("build")
    }

    /// Answers whether it depends on the package `name`.
    pub(super) fn depends_on(&self, name: &str) -> bool {
        self.dependencies.contains_key(name)
    }

    /// Answers whether its `.js` files are ES modules.
    pub(super) fn is_module(&self) -> bool {
        self.kind.as_deref() == Some("module")
    }

    /// Answers whether it has other packages in its folder.
    pub(super) fn has_workspaces(&self) -> bool {
        self.workspaces.is_some()
    }

    /// Answers the version of Node that it pins for Volta.
    pub(super) fn volta(&self) -> Option<&str> {
        self.volta.node.as_deref()
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
