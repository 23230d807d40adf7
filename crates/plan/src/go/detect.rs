//! What makes a folder a Go application.

use std::path::Path;

use super::mod_file;
use crate::context::Context;

/// Answers whether `file` holds Go.
pub(crate) fn is_source(file: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|extension| extension == "go")
}

/// Answers the file that says that the folder itself is a module or a workspace, whatever else is in it.
pub(crate) fn is_module(context: Context<'_>) -> Option<&'static str> {
    [mod_file::WORKSPACE, mod_file::MODULE]
        .into_iter()
        .find(|file| context.source.contains(file))
}

/// Answers the file that makes the folder a Go application although it is no module.
pub(crate) fn sign(context: Context<'_>) -> Option<&str> {
    let mut paths = context.source.entries().iter().map(|entry| entry.path.as_str());
    paths.find(|path| !path.contains('/') && is_source(path))
}

/// Answers the file of a module in a folder of the folder.
pub(crate) fn nested_module(context: Context<'_>) -> Option<&str> {
    let mut paths = context.source.entries().iter().map(|entry| entry.path.as_str());
    paths.find(|path| path.ends_with("/go.mod") && !is_aside(path))
}

/// Answers whether Go leaves a path out of patterns of packages (`go help packages`).
pub(super) fn is_aside(path: &str) -> bool {
    let mut folders = path.split('/').rev().skip(1);
    folders.any(|name| name.starts_with(['_', '.']) || name == "testdata" || name == "vendor")
}
