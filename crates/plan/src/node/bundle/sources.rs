//! What a bundle is made of: files of the application, and the packages that they import.

use std::collections::BTreeSet;

use crate::context::Context;
use crate::error::PlanError;
use crate::node::{detect, scan};

/// Suffixes of files that a bundle may be made of.
const BUNDLED: [&str; 12] = [
    ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".txt", ".css", ".node",
];

/// Answers the files that a bundle may be made of.
pub(super) fn files(context: Context<'_>) -> Vec<String> {
    let paths = context.source.entries().iter().map(|entry| entry.path.as_str());
    let is_bundled = |path: &&str| BUNDLED.iter().any(|suffix| path.ends_with(suffix)) && !is_lock(path);
    paths.filter(is_bundled).map(str::to_owned).collect()
}

fn is_lock(path: &str) -> bool {
    path.ends_with("package-lock.json") || path.ends_with("npm-shrinkwrap.json")
}

/// Answers the names of the packages that the application's code imports, without the parts of them.
pub(in crate::node) fn packages(context: Context<'_>) -> Result<Vec<String>, PlanError> {
    let name = |import: &String| {
        let parts = if import.starts_with('@') { 2 } else { 1 };
        import.split('/').take(parts).collect::<Vec<_>>().join("/")
    };
    Ok(imports(context)?.iter().map(name).collect())
}

/// Answers what the application's code imports of packages.
pub(super) fn imports(context: Context<'_>) -> Result<Vec<String>, PlanError> {
    let mut found = BTreeSet::new();
    for path in files(context).iter().filter(|path| detect::is_source(path)) {
        let bytes = context.source.read(path)?.unwrap_or_default();
        let code = scan::without_comments(&String::from_utf8_lossy(&bytes));
        found.extend(scan::imports(&code));
    }
    Ok(found.into_iter().collect())
}
