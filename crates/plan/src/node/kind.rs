//! How a file takes requests: as a handler of the Functions Framework, or as a program that listens by itself.

use coracle_spec::manifest::Signature;

use super::scan;
use super::script::Start;
use crate::context::Context;
use crate::draft::map;
use crate::error::PlanError;
use crate::event::Event;

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

/// Answers whether a signature is a handler's.
pub(super) fn is_handler(signature: Option<Signature>) -> bool {
    matches!(signature, Some(Signature::Http | Signature::CloudEvent))
}

/// Answers how a file takes requests, if it does.
pub(super) fn of(
    context: Context<'_>,
    file: &str,
    text: &str,
    handler: Option<&String>,
) -> Result<Option<Kind>, PlanError> {
    let code = scan::without_comments(text);
    let signature = context.manifest.signature;
    if signature == Some(Signature::Server) {
        return Ok(Some(Kind::Program(running(file))));
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
        return Ok(Some(Kind::Program(running(file))));
    }
    let names = if scan::exports_default(&code) {
        vec!["default"]
    } else {
        scan::exported(&code)
    };
    let exported: Vec<_> = names
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

pub(super) fn running(file: &str) -> Start {
    Start {
        words: vec!["node".to_owned(), file.to_owned()],
        env: map([]),
    }
}

pub(super) fn described(file: &str, kind: &Kind) -> String {
    match kind {
        Kind::Handler { name, event } => format!("`{file}` has the {} handler `{name}`", event.signature()),
        Kind::Program(_) | Kind::Command => format!("`{file}` is a program that listens by itself"),
    }
}
