//! What makes a folder a Node application.

use super::package;
use crate::context::Context;

/// Answers whether `file` holds JavaScript, or what compiles to it.
pub(crate) fn is_source(file: &str) -> bool {
    [".js", ".mjs", ".cjs"]
        .iter()
        .any(|suffix| file.ends_with(suffix))
        || is_typescript(file)
}

/// Answers whether `file` holds TypeScript, not only types of it.
pub(super) fn is_typescript(file: &str) -> bool {
    has_typescript(file)
        && ![".d.ts", ".d.mts", ".d.cts"]
            .iter()
            .any(|suffix| file.ends_with(suffix))
}

/// Answers whether `file` is read only by what compiles TypeScript.
pub(super) fn has_typescript(file: &str) -> bool {
    [".ts", ".tsx", ".mts", ".cts"]
        .iter()
        .any(|suffix| file.ends_with(suffix))
}

/// Answers the file that makes the folder a Node application.
///
/// A `package.json` that starts nothing, beside Python's requirements, is taken for the tools of a web page's
/// parts: the application is the Python one.
pub(crate) fn sign(context: Context<'_>) -> Option<&str> {
    if context.source.contains(package::FILE) {
        let serves_python = ["requirements.txt", "pyproject.toml"]
            .iter()
            .any(|file| context.source.contains(file));
        return (!serves_python || package::starts_something(context)).then_some(package::FILE);
    }
    context
        .source
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .find(|path| !path.contains('/') && is_source(path))
}
