//! Finding the application: which package is the program, or which handler becomes one.

use coracle_spec::manifest::{Entry, Signature};

use super::detect::is_source;
use super::package::{self, Handler, Package};
use super::project::{Project, inside};
use crate::context::Context;
use crate::draft::{Draft, words};
use crate::error::PlanError;
use crate::event::Event;

/// An application.
#[derive(Debug)]
pub(super) struct Application {
    /// The folder of its package, from the source's top.
    pub(super) folder: String,
    /// How it takes requests.
    pub(super) kind: Kind,
    /// A file of its module with C code.
    pub(super) c_code: Option<String>,
}

/// How an application takes requests.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program that listens by itself.
    Program,
    /// A handler, which gets a program around it.
    Handler(Handler),
}

/// Finds the application: what the manifest says, else the only one.
pub(super) fn find(
    context: Context<'_>,
    project: &Project,
    draft: &mut Draft,
) -> Result<Application, PlanError> {
    let mut packages = Vec::new();
    for module in &project.modules {
        packages.extend(package::of(context, module)?);
    }
    let c_code = packages.iter().find_map(|package| package.c_code.clone());
    let (folder, kind) = match &context.manifest.build.entry {
        Some(entry) => named(context, entry, &packages)?,
        None => searched(context, project, &packages)?,
    };
    draft.why.push(described(&folder, &kind));
    Ok(Application { folder, kind, c_code })
}

fn named(context: Context<'_>, entry: &Entry, packages: &[Package]) -> Result<(String, Kind), PlanError> {
    let path = entry.file.trim_start_matches("./").trim_end_matches('/');
    let folder = match path.rsplit_once('/') {
        Some((folder, _)) if is_source(path) => folder,
        None if is_source(path) || path == "." => "",
        _ => path,
    };
    let package = packages.iter().find(|package| package.folder == folder);
    let package = package.ok_or_else(|| PlanError::Missing {
        path: inside(folder, "*.go"),
        named_by: "`build.entry`".to_owned(),
    })?;
    let handler = entry.object.as_ref().or(context.manifest.build.handler.as_ref());
    let kind = match handler {
        None if package.is_program() => Kind::Program,
        handler => Kind::Handler(one_handler(context, &[package], handler)?),
    };
    Ok((folder.to_owned(), kind))
}

/// A handler that is registered goes before programs, which are often there to try it; an exported function that
/// could be one comes after them.
fn searched(
    context: Context<'_>,
    project: &Project,
    packages: &[Package],
) -> Result<(String, Kind), PlanError> {
    let manifest = context.manifest;
    let wants_handler = manifest.build.handler.is_some()
        || matches!(manifest.signature, Some(Signature::Http | Signature::CloudEvent));
    let wants_program = manifest.signature == Some(Signature::Server);
    let tops: Vec<&str> = project
        .modules
        .iter()
        .map(|module| module.folder.as_str())
        .collect();
    let is_top = |package: &&Package| tops.contains(&package.folder.as_str());
    let libraries: Vec<&Package> = packages.iter().filter(|package| !package.is_program()).collect();
    let programs: Vec<&Package> = packages.iter().filter(|package| package.is_program()).collect();
    let top_programs: Vec<&Package> = programs.iter().copied().filter(is_top).collect();

    let registers = libraries.iter().any(|package| !package.registered.is_empty());
    if !wants_program && (wants_handler || (registers && top_programs.is_empty())) {
        return handler_of(context, &libraries);
    }
    match (top_programs.as_slice(), programs.as_slice()) {
        ([one], _) | ([], [one]) => Ok((one.folder.clone(), Kind::Program)),
        ([], []) if !wants_program => handler_of(context, &libraries),
        ([], []) => Err(no_start(&packages.iter().collect::<Vec<_>>())),
        ([], several) | (several, _) => Err(several_programs(several)),
    }
}

fn handler_of(context: Context<'_>, libraries: &[&Package]) -> Result<(String, Kind), PlanError> {
    let handler = one_handler(context, libraries, context.manifest.build.handler.as_ref())?;
    let folder = handler.file.rsplit_once('/').map_or("", |(folder, _)| folder);
    Ok((folder.to_owned(), Kind::Handler(handler)))
}

/// Answers the handler called `name`, else the only one: of those that are registered, else of those that could be.
fn one_handler(
    context: Context<'_>,
    packages: &[&Package],
    name: Option<&String>,
) -> Result<Handler, PlanError> {
    let fits = |handler: &&Handler| match context.manifest.signature {
        Some(Signature::CloudEvent) => handler.event == Event::Cloud,
        Some(Signature::Http) => handler.event != Event::Cloud,
        _ => true,
    };
    let is_meant = |handler: &&Handler| name.is_none_or(|name| handler.name == *name);
    let of = |handlers: fn(&Package) -> &Vec<Handler>| -> Vec<&Handler> {
        let all = packages.iter().flat_map(|package| handlers(package));
        all.filter(fits).filter(is_meant).collect()
    };
    let (registered, exported) = (of(|package| &package.registered), of(|package| &package.exported));
    let found = if registered.is_empty() {
        exported
    } else {
        registered
    };
    match (found.as_slice(), name) {
        ([one], _) => Ok((*one).clone()),
        ([], Some(name)) => Err(PlanError::NoHandler {
            file: inside(packages.first().map_or("", |package| &package.folder), "*.go"),
            handler: name.clone(),
        }),
        ([], None) => Err(no_start(packages)),
        ([first, ..], _) => Err(PlanError::SeveralHandlers {
            file: first.file.clone(),
            handlers: found.iter().map(|handler| handler.name.clone()).collect(),
        }),
    }
}

fn several_programs(programs: &[&Package]) -> PlanError {
    let folder = |package: &&Package| match package.folder.as_str() {
        "" => ".".to_owned(),
        folder => folder.to_owned(),
    };
    PlanError::SeveralPrograms {
        folders: programs.iter().map(folder).collect(),
    }
}

fn no_start(packages: &[&Package]) -> PlanError {
    let folders = packages.iter().map(|package| inside(&package.folder, "*.go"));
    PlanError::NoStart {
        looked_in: folders.collect(),
        looked_for: words([
            "a program (`package main`)",
            "a handler (`functions.HTTP(\"Name\", ...)`)",
            "an exported `func Name(w http.ResponseWriter, r *http.Request)`",
        ]),
    }
}

fn described(folder: &str, kind: &Kind) -> String {
    match kind {
        Kind::Program if folder.is_empty() => "the module is a program that listens by itself".to_owned(),
        Kind::Program => format!("`{folder}` is a program that listens by itself"),
        Kind::Handler(Handler {
            file, name, event, ..
        }) => {
            format!("`{file}` has the {} handler `{name}`", event.signature())
        }
    }
}
