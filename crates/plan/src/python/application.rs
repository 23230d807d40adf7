//! Finding the application: which file it is in.

use coracle_spec::manifest::Entry;

use super::file::File;
use crate::context::Context;
use crate::draft::{Draft, words};
use crate::error::PlanError;
use crate::event::Event;

/// Where applications usually are, in the order in which they are looked at.
const CANDIDATES: [&str; 16] = [
    "main.py",
    "app.py",
    "function.py",
    "handler.py",
    "server.py",
    "index.py",
    "wsgi.py",
    "asgi.py",
    "application.py",
    "api.py",
    "run.py",
    "src/main.py",
    "src/app.py",
    "app/main.py",
    "app/app.py",
    "api/main.py",
];

/// An application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Application {
    /// The file, from the folder's top.
    pub(super) file: String,
    /// How it takes requests.
    pub(super) kind: Kind,
}

/// How an application takes requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A handler of the Functions Framework.
    Handler {
        /// The function's name.
        name: String,
        /// What it is called with.
        event: Event,
        /// Whether it is a coroutine, which the framework's ASGI server awaits.
        is_async: bool,
    },
    /// An object that a WSGI server calls.
    Wsgi(String),
    /// An object that an ASGI server calls.
    Asgi(String),
    /// A program that listens by itself.
    Program,
    /// Nothing of it is known: the manifest's own command starts it.
    Command,
}

/// Finds the application: where the manifest says, else in the usual places.
pub(super) fn find(context: Context<'_>, draft: &mut Draft) -> Result<Application, PlanError> {
    let revision = &context.manifest.revision;
    if !revision.command.is_empty() || !revision.entrypoint.is_empty() {
        draft.why.push("the manifest says what starts".to_owned());
        return Ok(Application {
            file: String::new(),
            kind: Kind::Command,
        });
    }
    match &context.manifest.build.entry {
        Some(entry) => named(context, entry, draft),
        None => searched(context, draft),
    }
}

fn named(context: Context<'_>, entry: &Entry, draft: &mut Draft) -> Result<Application, PlanError> {
    let text = context.named_text(&entry.file, "`build.entry`")?;
    let file = File::new(&entry.file, &text);
    let kind = match &entry.object {
        Some(object) => Some(file.object_called(object, context.manifest.build.python.serve)),
        None => file.kind(context)?,
    };
    let kind = kind.ok_or_else(|| no_start(&[entry.file.as_str()]))?;
    draft.why.push(described(&entry.file, &kind));
    Ok(Application {
        file: entry.file.clone(),
        kind,
    })
}

fn searched(context: Context<'_>, draft: &mut Draft) -> Result<Application, PlanError> {
    let usual = CANDIDATES
        .into_iter()
        .filter(|file| context.source.contains(file));
    let files: Vec<&str> = usual.chain(only_source(context)).collect();
    for file in &files {
        let Some(text) = context.text(file)? else { continue };
        if let Some(kind) = File::new(file, &text).kind(context)? {
            draft.why.push(described(file, &kind));
            return Ok(Application {
                file: (*file).to_owned(),
                kind,
            });
        }
    }
    Err(no_start(&files))
}

/// A lone file at the top is the application, whatever it is called.
fn only_source(context: Context<'_>) -> Option<&str> {
    let mut files = context
        .source
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .filter(|path| !path.contains('/') && super::is_source(path) && *path != "setup.py");
    let only = files.next()?;
    (files.next().is_none() && !CANDIDATES.contains(&only)).then_some(only)
}

fn no_start(files: &[&str]) -> PlanError {
    let looked_for = words([
        "a handler (`@functions_framework.http`)",
        "a WSGI or ASGI application (`app = Flask(...)`, `app = FastAPI(...)`)",
        "a program (`if __name__ == \"__main__\":`)",
    ]);
    let usual = format!("one of `{}`", CANDIDATES.join("`, `"));
    match files {
        [] => PlanError::NoStart {
            looked_in: Vec::new(),
            looked_for: vec![usual],
        },
        files => PlanError::NoStart {
            looked_in: files.iter().map(|file| (*file).to_owned()).collect(),
            looked_for,
        },
    }
}

fn described(file: &str, kind: &Kind) -> String {
    match kind {
        Kind::Handler { name, event, .. } => {
            format!("`{file}` has the {} handler `{name}`", event.signature())
        }
        Kind::Wsgi(object) => format!("`{file}` has the WSGI application `{object}`"),
        Kind::Asgi(object) => format!("`{file}` has the ASGI application `{object}`"),
        Kind::Program | Kind::Command => format!("`{file}` is a program that listens by itself"),
    }
}
