//! `package-lock.json` (npm documentation, "package-lock.json").

use std::collections::BTreeMap;

use serde::Deserialize;

use super::package::{self, Package};
use crate::context::Context;
use crate::error::PlanError;

/// npm reads the first that exists.
const FILES: [&str; 2] = ["npm-shrinkwrap.json", "package-lock.json"];

/// Lock files of package managers that nothing reads yet.
const OTHERS: [&str; 5] = [
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "deno.lock",
];

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "lockfileVersion")]
    version: u32,
    /// Absent in the first version.
    packages: Option<BTreeMap<String, serde_json::Value>>,
}

/// Answers the name of the folder's lock file, after looking into it.
pub(super) fn find(context: Context<'_>, package: &Package) -> Result<Option<&'static str>, PlanError> {
    for file in FILES {
        if let Some(text) = context.text(file)? {
            check(file, &text, package)?;
            return Ok(Some(file));
        }
    }
    match OTHERS.into_iter().find(|file| context.source.contains(file)) {
        None => Ok(None),
        Some(file) => Err(PlanError::NotYet {
            what: format!("installing from `{file}`"),
            instead: "add a `package-lock.json`: `npm install --package-lock-only`".to_owned(),
        }),
    }
}

/// npm would notice the same, but only after the builder is there.
fn check(file: &str, text: &str, package: &Package) -> Result<(), PlanError> {
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
        return Ok(());
    };
    match package
        .dependencies
        .keys()
        .find(|name| !locked.contains_key(&format!("node_modules/{name}")))
    {
        None => Ok(()),
        Some(name) => Err(PlanError::Dependencies {
            message: format!(
                "`{file}` does not have `{name}`, which `{}` depends on",
                package::FILE
            ),
            instead: "bring it up to date: `npm install --package-lock-only`".to_owned(),
        }),
    }
}

fn line_of(text: &str, word: &str) -> usize {
    text.lines()
        .position(|line| line.contains(word))
        .map_or(1, |index| index + 1)
}
