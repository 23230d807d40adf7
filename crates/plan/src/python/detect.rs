//! What makes a folder a Python application.

use std::path::Path;

use crate::context::Context;

/// Files that only Python projects have.
const SIGNS: [&str; 5] = [
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    "uv.lock",
];

/// Answers whether `file` holds Python.
pub(crate) fn is_source(file: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|extension| extension == "py")
}

/// Answers the file that makes the folder a Python application.
pub(crate) fn sign(context: Context<'_>) -> Option<&str> {
    let known = SIGNS.into_iter().find(|sign| context.source.contains(sign));
    known.or_else(|| {
        context
            .source
            .entries()
            .iter()
            .map(|entry| entry.path.as_str())
            .find(|path| is_top_source(path))
    })
}

fn is_top_source(path: &str) -> bool {
    !path.contains('/') && is_source(path)
}
