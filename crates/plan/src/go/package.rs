//! The packages of a module: which are programs, and which have handlers.

use std::collections::BTreeMap;

use super::constraint;
use super::detect::{is_aside, is_source};
use super::project::{Module, inside, is_in};
use super::scan::Code;
use crate::context::Context;
use crate::error::PlanError;
use crate::event::Event;

/// A folder of Go files.
#[derive(Debug, Default)]
pub(super) struct Package {
    /// The folder from the source's top; empty for the top itself.
    pub(super) folder: String,
    /// The package's name.
    pub(super) name: String,
    /// Handlers that it registers with the framework.
    pub(super) registered: Vec<Handler>,
    /// Exported functions that can be handlers.
    pub(super) exported: Vec<Handler>,
    /// A file with C code.
    pub(super) c_code: Option<String>,
}

/// A handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handler {
    /// The file that it is in.
    pub(super) file: String,
    /// The name that it is registered by, or the function's.
    pub(super) name: String,
    /// What it is called with.
    pub(super) event: Event,
    /// Whether the author's code registers it.
    pub(super) is_registered: bool,
}

impl Package {
    /// Answers whether it is a program.
    pub(super) fn is_program(&self) -> bool {
        self.name == "main"
    }

    fn take(&mut self, file: &str, text: &str) {
        let code = Code::of(text);
        let Some(name) = code.package() else {
            return;
        };
        let handlers = |found: Vec<(&str, Event)>, is_registered| {
            let handler = move |(name, event): (&str, Event)| Handler {
                file: file.to_owned(),
                name: name.to_owned(),
                event,
                is_registered,
            };
            found.into_iter().map(handler).collect::<Vec<_>>()
        };
        name.clone_into(&mut self.name);
        self.registered.extend(handlers(code.registered(), true));
        self.exported.extend(handlers(code.exported(), false));
        if code.imports_c() {
            self.c_code.get_or_insert_with(|| file.to_owned());
        }
    }
}

/// Answers the packages of a module, sorted by folder.
pub(super) fn of(context: Context<'_>, module: &Module) -> Result<Vec<Package>, PlanError> {
    let paths: Vec<&str> = context
        .source
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .filter(|path| is_in(path, &module.folder))
        .collect();
    let others: Vec<&str> = paths
        .iter()
        .filter_map(|path| path.strip_suffix("/go.mod"))
        .filter(|folder| *folder != module.folder)
        .collect();
    let is_own = |path: &str| {
        let beneath = path[module.folder.len()..].trim_start_matches('/');
        is_source(path)
            && !path.ends_with("_test.go")
            && !is_aside(beneath)
            && !others.iter().any(|folder| is_in(path, folder))
    };
    let mut packages: BTreeMap<&str, Package> = BTreeMap::new();
    for path in paths.into_iter().filter(|path| is_own(path)) {
        let text = context.text(path)?.unwrap_or_default();
        if constraint::is_built(path, &text, context.target.arch) {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let package = packages.entry(folder).or_default();
            folder.clone_into(&mut package.folder);
            package.take(path, &text);
        }
    }
    Ok(packages.into_values().collect())
}

/// Answers the import path of a package in a folder of a module.
pub(super) fn import_path(module: &Module, folder: &str) -> String {
    let beneath = folder[module.folder.len()..].trim_start_matches('/');
    inside(&module.file.module, beneath)
        .trim_end_matches('/')
        .to_owned()
}
