//! `pyproject.toml`: what a project declares of itself (PEP 621).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::context::Context;
use crate::error::PlanError;

/// The file's name.
pub(super) const FILE: &str = "pyproject.toml";

/// What is read of the file.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Project {
    project: Option<Metadata>,
    #[serde(default)]
    tool: toml::Table,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<String>>,
    requires_python: Option<String>,
}

/// Reads the project file, if there is one.
pub(super) fn read(context: Context<'_>) -> Result<Option<Project>, PlanError> {
    let text = context.text(FILE)?;
    text.map(|text| parse(FILE, &text)).transpose()
}

impl Project {
    /// Answers whether the file declares dependencies that this understands.
    pub(super) fn declares(&self) -> bool {
        self.project.is_some()
    }

    /// Answers the requirements of the project and of these of its extras.
    pub(super) fn requirements(&self, extras: &[String]) -> Vec<String> {
        let Some(project) = &self.project else {
            return Vec::new();
        };
        let optional = extras
            .iter()
            .filter_map(|extra| project.optional_dependencies.get(extra));
        project
            .dependencies
            .iter()
            .chain(optional.flatten())
            .cloned()
            .collect()
    }

    /// Answers which versions of Python the project asks for.
    pub(super) fn requires_python(&self) -> Option<&str> {
        self.project.as_ref()?.requires_python.as_deref()
    }

    /// Answers whether there are settings of uv's.
    pub(super) fn configures_uv(&self) -> bool {
        self.tool.contains_key("uv")
    }

    /// Answers the dependencies that only Poetry knows, by their names.
    pub(super) fn poetry(&self) -> Option<&toml::Table> {
        self.tool.get("poetry")?.get("dependencies")?.as_table()
    }
}

/// Reads a file in TOML.
pub(super) fn parse<'t, T: Deserialize<'t>>(path: &str, text: &'t str) -> Result<T, PlanError> {
    toml::from_str(text).map_err(|error| broken(path, text, &error))
}

fn broken(path: &str, text: &str, error: &toml::de::Error) -> PlanError {
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    PlanError::Broken {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        message: error.message().to_owned(),
    }
}
