//! Packages that lie in the folder itself.

use crate::context::Context;
use crate::error::PlanError;

/// A package in the folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Local {
    /// The folder itself.
    Project {
        /// Which optional dependencies are asked for.
        extras: Vec<String>,
    },
    /// An archive, or a project in a folder of its own: its files.
    Files(Vec<String>),
}

/// Finds the package at `path`, which may end with extras (`./libs/a[web]`); `named_by` says who asks for it.
pub(super) fn find(context: Context<'_>, path: &str, named_by: &str) -> Result<Local, PlanError> {
    let (folder, extras) = with_extras(path);
    let folder = beneath(folder).ok_or_else(|| outside(path, named_by))?;
    if folder.is_empty() {
        return Ok(Local::Project { extras });
    }
    let files = files(context, &folder);
    if files.is_empty() {
        return Err(PlanError::Missing {
            path: path.to_owned(),
            named_by: named_by.to_owned(),
        });
    }
    Ok(Local::Files(files))
}

/// Answers the files of the folder that `--find-links` names; an address has none.
pub(super) fn files_of_links(context: Context<'_>, path: &str) -> Vec<String> {
    match beneath(path) {
        Some(folder) if !path.contains("://") => files(context, &folder),
        _ => Vec::new(),
    }
}

/// Says that a path leads out of the folder.
pub(super) fn outside(path: &str, named_by: &str) -> PlanError {
    PlanError::Dependencies {
        message: format!("`{path}` is outside of the folder, named by {named_by}"),
        instead: "keep what the application needs inside of the folder".to_owned(),
    }
}

fn with_extras(path: &str) -> (&str, Vec<String>) {
    match path.strip_suffix(']').and_then(|path| path.split_once('[')) {
        Some((folder, extras)) => (
            folder,
            extras.split(',').map(|extra| extra.trim().to_owned()).collect(),
        ),
        None => (path, Vec::new()),
    }
}

/// Answers the path from the folder's top, and nothing when it leads out of it.
fn beneath(path: &str) -> Option<String> {
    beside("", path)
}

/// Answers a path that a file names relative to itself, or nothing when it leads out of the folder.
pub(super) fn beside(file: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    (!path.starts_with('/')).then(|| parts.join("/"))
}

fn files(context: Context<'_>, path: &str) -> Vec<String> {
    let is_of = |file: &str| {
        file.strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let entries = context.source.entries().iter().map(|entry| &entry.path);
    entries.filter(|file| is_of(file)).cloned().collect()
}
