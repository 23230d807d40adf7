//! Finding the application: which file, and how it takes requests.

use coracle_spec::manifest::{Entry, Signature};

use super::package::{self, Package};
use super::scan;
use super::script::{self, Start};
use crate::context::Context;
use crate::draft::{Draft, map};
use crate::error::PlanError;
use crate::event::Event;

/// Where applications usually are, in the order in which they are looked at.
const CANDIDATES: [&str; 13] = [
    "index.js",
    "index.mjs",
    "index.cjs",
    "function.js",
    "server.js",
    "server.mjs",
    "app.js",
    "app.mjs",
    "main.js",
    "main.mjs",
    "handler.js",
    "src/index.js",
    "src/server.js",
];

/// An application.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Application {
    /// The file, from the folder's top.
    pub(super) file: String,
    /// How it takes requests.
    pub(super) kind: Kind,
}

/// How an application takes requests.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A handler of the Functions Framework.
    Handler {
        /// The name that it is registered or exported by.
        name: String,
        /// What it is called with.
        event: Event,
    },
    /// A program that listens by itself.
    Program(Start),
    /// Nothing of it is known: the manifest's own command starts it.
    Command,
}

/// Finds the application: what the manifest says, else the `start` script, else in the usual places.
pub(super) fn find(
    context: Context<'_>,
    package: &Package,
    draft: &mut Draft,
) -> Result<Application, PlanError> {
    let manifest = context.manifest;
    if !manifest.revision.command.is_empty() || !manifest.revision.entrypoint.is_empty() {
        draft.why.push("the manifest says what starts".to_owned());
        return Ok(Application {
            file: String::new(),
            kind: Kind::Command,
        });
    }
    if let Some(entry) = &manifest.build.entry {
        return named(context, entry, draft);
    }
    let wants_handler = manifest.build.handler.is_some() || is_handler(manifest.signature);
    match package.scripts.get("start").filter(|_| !wants_handler) {
        Some(start) => of_script(start, draft),
        None => searched(context, package, draft),
    }
}

fn is_handler(signature: Option<Signature>) -> bool {
    matches!(signature, Some(Signature::Http | Signature::CloudEvent))
}

fn of_script(script: &str, draft: &mut Draft) -> Result<Application, PlanError> {
    let start = script::parse(script).ok_or_else(|| needs_shell(script))?;
    draft
        .why
        .push(format!("`{}` starts it with `{script}`", package::FILE));
    Ok(Application {
        file: String::new(),
        kind: Kind::Program(start),
    })
}

fn needs_shell(script: &str) -> PlanError {
    PlanError::NotYet {
        what: format!("the `start` script `{script}`, which needs a shell or another script,"),
        instead: "say in `coracle.yaml` what starts: `command: [node, server.js]`".to_owned(),
    }
}

fn named(context: Context<'_>, entry: &Entry, draft: &mut Draft) -> Result<Application, PlanError> {
    let text = context.named_text(&entry.file, "`build.entry`")?;
    let handler = entry.object.as_ref().or(context.manifest.build.handler.as_ref());
    let kind = kind(context, &entry.file, &text, handler)?;
    let kind = kind.unwrap_or_else(|| program(&entry.file));
    draft.why.push(described(&entry.file, &kind));
    Ok(Application {
        file: entry.file.clone(),
        kind,
    })
}

fn searched(context: Context<'_>, package: &Package, draft: &mut Draft) -> Result<Application, PlanError> {
    let handler = context.manifest.build.handler.as_ref();
    let main = package
        .main
        .as_deref()
        .map(|main| main.strip_prefix("./").unwrap_or(main));
    let main = main.and_then(|main| resolved(context, main));
    let usual = CANDIDATES
        .into_iter()
        .filter(|file| context.source.contains(file))
        .map(str::to_owned);
    let files: Vec<String> = main.into_iter().chain(usual).collect();
    for file in &files {
        let Some(text) = context.text(file)? else { continue };
        if let Some(kind) = kind(context, file, &text, handler)? {
            draft.why.push(described(file, &kind));
            return Ok(Application {
                file: file.clone(),
                kind,
            });
        }
    }
    Err(no_start(files))
}

/// `main` may leave out the suffix, or name a folder with an index.
fn resolved(context: Context<'_>, main: &str) -> Option<String> {
    let main = main.trim_end_matches('/');
    ["", ".js", ".cjs", ".mjs", "/index.js"]
        .iter()
        .map(|suffix| format!("{main}{suffix}"))
        .find(|path| context.source.contains(path))
}

/// Answers how a file takes requests, if it does.
fn kind(
    context: Context<'_>,
    file: &str,
    text: &str,
    handler: Option<&String>,
) -> Result<Option<Kind>, PlanError> {
    let code = scan::without_comments(text);
    let signature = context.manifest.signature;
    if signature == Some(Signature::Server) {
        return Ok(Some(program(file)));
    }
    if let Some(name) = handler {
        return named_handler(file, &code, name, signature).map(Some);
    }
    let fits = |(_, event): &(String, Event)| match signature {
        Some(Signature::CloudEvent) => *event == Event::Cloud,
        Some(Signature::Http) => *event != Event::Cloud,
        _ => true,
    };
    let registered: Vec<_> = scan::registered(&code).into_iter().filter(fits).collect();
    if !registered.is_empty() {
        return one_handler(file, registered).map(Some);
    }
    if scan::listens(&code) && !is_handler(signature) {
        return Ok(Some(program(file)));
    }
    let exported: Vec<_> = scan::exported(&code)
        .into_iter()
        .map(|name| (name.to_owned(), event(signature)))
        .collect();
    if exported.is_empty() {
        Ok(None)
    } else {
        one_handler(file, exported).map(Some)
    }
}

fn named_handler(
    file: &str,
    code: &str,
    name: &str,
    signature: Option<Signature>,
) -> Result<Kind, PlanError> {
    if let Some((name, event)) = scan::registered(code).into_iter().find(|(own, _)| own == name) {
        return Ok(Kind::Handler { name, event });
    }
    // What a name stands for may be made at run time; one that is nowhere in the file is a mistake.
    if !code.contains(name) {
        return Err(PlanError::NoHandler {
            file: file.to_owned(),
            handler: name.to_owned(),
        });
    }
    Ok(Kind::Handler {
        name: name.to_owned(),
        event: event(signature),
    })
}

fn one_handler(file: &str, handlers: Vec<(String, Event)>) -> Result<Kind, PlanError> {
    match <[_; 1]>::try_from(handlers) {
        Ok([(name, event)]) => Ok(Kind::Handler { name, event }),
        Err(several) => Err(PlanError::SeveralHandlers {
            file: file.to_owned(),
            handlers: several.into_iter().map(|(name, _)| name).collect(),
        }),
    }
}

fn event(signature: Option<Signature>) -> Event {
    if signature == Some(Signature::CloudEvent) {
        Event::Cloud
    } else {
        Event::Http
    }
}

fn program(file: &str) -> Kind {
    Kind::Program(Start {
        words: vec!["node".to_owned(), file.to_owned()],
        env: map([]),
    })
}

fn described(file: &str, kind: &Kind) -> String {
    match kind {
        Kind::Handler { name, event } => format!("`{file}` has the {} handler `{name}`", event.signature()),
        Kind::Program(_) | Kind::Command => format!("`{file}` is a program that listens by itself"),
    }
}

fn no_start(files: Vec<String>) -> PlanError {
    let script = "a `start` script in `package.json`".to_owned();
    let looked_for = match files.as_slice() {
        [] => vec![script, format!("one of `{}`", CANDIDATES.join("`, `"))],
        _ => vec![
            script,
            "a handler (`functions.http(...)`)".to_owned(),
            "a server (`.listen(...)`)".to_owned(),
        ],
    };
    PlanError::NoStart {
        looked_in: files,
        looked_for,
    }
}
