//! `package-lock.json` (npm documentation, "package-lock.json").

use std::collections::BTreeMap;

use serde::Deserialize;

use super::line_of;
use crate::error::PlanError;
use crate::node::package::{self, Package};

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "lockfileVersion")]
    version: u32,
    /// Absent in the first version.
    packages: Option<BTreeMap<String, serde_json::Value>>,
}

/// Answers a package that `package` depends on and the lock file does not have.
pub(super) fn missing(file: &str, text: &str, package: &Package) -> Result<Option<String>, PlanError> {
    let document: Document = package::parse(file, text)?;
    if !(1..=3).contains(&document.version) {
        let message = format!("`lockfileVersion` is {}, expected 1, 2 or 3", document.version);
        return Err(PlanError::Broken {
            path: file.to_owned(),
            line: line_of(text, "lockfileVersion"),
            message,
        });
    }
    let Some(locked) = document.packages else {
        return Ok(None);
    };
    let is_missing = |name: &&String| !locked.contains_key(&format!("node_modules/{name}"));
    Ok(package.dependencies.keys().find(is_missing).cloned())
}
