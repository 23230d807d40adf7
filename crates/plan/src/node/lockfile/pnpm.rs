//! `pnpm-lock.yaml` (pnpm's specification "Lockfile", versions 5.4 to 9.0).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::line_of;
use crate::error::PlanError;
use crate::node::package::Package;

/// The generation of a lock file, which decides what can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) enum Format {
    /// Up to 5.4: pnpm 7.
    Five,
    /// 6.x: pnpm 8.
    Six,
    /// 9.0: pnpm 9 and later.
    Nine,
}

impl Format {
    /// Answers the generation of a lock file.
    pub(in crate::node) fn of(text: &str) -> Self {
        let version = text
            .lines()
            .find_map(|line| line.strip_prefix("lockfileVersion:"));
        match version.map(|version| version.trim().trim_matches(['\'', '"'])) {
            Some(version) if version.starts_with("5.") => Self::Five,
            Some(version) if version.starts_with("6.") => Self::Six,
            _ => Self::Nine,
        }
    }
}

/// The part that says what the packages of the folder ask for. Without a workspace, older versions have it at the top.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    importers: BTreeMap<String, Importer>,
    #[serde(flatten)]
    top: Importer,
}

#[derive(Deserialize, Default)]
struct Importer {
    #[serde(default)]
    dependencies: BTreeMap<String, serde_json::Value>,
    #[serde(default, rename = "optionalDependencies")]
    optional: BTreeMap<String, serde_json::Value>,
    /// Versions as asked for, in the oldest generation.
    #[serde(default)]
    specifiers: BTreeMap<String, String>,
}

impl Importer {
    /// Answers whether it has the package, asked for with the same words.
    fn has(&self, name: &str, range: &str) -> bool {
        let Some(locked) = self.dependencies.get(name).or_else(|| self.optional.get(name)) else {
            return false;
        };
        let specifier = locked.get("specifier").and_then(serde_json::Value::as_str);
        let specifier = specifier.or_else(|| self.specifiers.get(name).map(String::as_str));
        // A catalog or an override asks for something else than `package.json` does.
        specifier.is_none_or(|specifier| specifier == range || range.starts_with("catalog:"))
    }
}

/// Answers a package that `package` depends on and the lock file does not have.
pub(super) fn missing(file: &str, text: &str, package: &Package) -> Result<Option<String>, PlanError> {
    let document: Document = serde_saphyr::from_str(head(text)).map_err(|error| PlanError::Broken {
        path: file.to_owned(),
        line: error
            .location()
            .map_or_else(|| line_of(text, "<<<<"), |at| at.line().try_into().unwrap_or(1)),
        message: "it is not the YAML that pnpm writes".to_owned(),
    })?;
    if text.contains("\noverrides:") {
        return Ok(None);
    }
    let root = document.importers.get(".").unwrap_or(&document.top);
    let missing = package
        .dependencies
        .iter()
        .find(|(name, range)| !root.has(name, range));
    Ok(missing.map(|(name, _)| name.clone()))
}

/// The start of the last document, which is short: what it resolved to follows, in thousands of lines.
fn head(text: &str) -> &str {
    let document = text.rsplit("\n---\n").next().unwrap_or(text);
    document.split("\npackages:").next().unwrap_or(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::package;

    #[test]
    fn what_is_asked_for_is_compared_in_all_generations() {
        let package: Package =
            package::parse("package.json", r#"{"dependencies": {"a": "^1.0.0"}}"#).unwrap();
        for (lock, missed) in [
            (
                "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      a:\n        specifier: ^1.0.0\n        version: 1.2.0\n\npackages:\n\n  {",
                None,
            ),
            (
                "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: {specifier: ^0.9.0, version: 0.9.0}\n",
                Some("a"),
            ),
            (
                "lockfileVersion: '6.0'\ndependencies:\n  a:\n    specifier: ^1.0.0\n    version: 1.2.0\n",
                None,
            ),
            (
                "lockfileVersion: 5.4\nspecifiers:\n  a: ^1.0.0\ndependencies:\n  a: 1.2.0\n",
                None,
            ),
            (
                "lockfileVersion: 5.4\nspecifiers:\n  a: ^2.0.0\ndependencies:\n  a: 2.2.0\n",
                Some("a"),
            ),
            ("lockfileVersion: '9.0'\n", Some("a")),
        ] {
            let found = missing("pnpm-lock.yaml", lock, &package).unwrap();
            assert_eq!(found.as_deref(), missed, "{lock}");
        }
        assert!(missing("pnpm-lock.yaml", "importers: [\n<<<<<<< HEAD\n", &package).is_err());
    }
}
