//! How each kind of application is started.

use std::collections::BTreeMap;

use super::application::{Application, Kind};
use crate::context::Context;
use crate::draft::{APP, Draft, map, words};
use crate::op::{Op, Write, Written};

/// What serves ASGI applications: uvicorn's own command cannot take the port from `PORT`.
const ASGI: &str = include_str!("asgi.py");
const ASGI_PATH: &str = "/opt/coracle/asgi.py";

/// What runs gunicorn: some of its settings can be given in no other way.
const SERVE: &str = include_str!("serve.py");
const SERVE_PATH: &str = "/opt/coracle/serve.py";

/// The most requests that one instance of a threaded server works on; threads start when they are needed.
const THREADS: &str = "64";

/// Adds the files that starting needs beside the application.
pub(super) fn own_files(application: &Application, draft: &mut Draft) {
    let (path, contents) = match application.kind {
        Kind::Asgi(_) => (ASGI_PATH, ASGI),
        Kind::Handler { .. } | Kind::Wsgi(_) => (SERVE_PATH, SERVE),
        Kind::Program | Kind::Command => return,
    };
    let file = Written::File {
        path: path.to_owned(),
        mode: 0o644,
        contents: contents.to_owned(),
    };
    draft.layer(
        "start",
        "write what starts the application",
        Op::Write(Write { files: vec![file] }),
    );
}

/// Answers what starts the application, and its environment.
pub(super) fn command(
    context: Context<'_>,
    application: &Application,
) -> (Vec<String>, BTreeMap<String, String>) {
    let file = format!("{APP}/{}", application.file);
    match &application.kind {
        Kind::Handler {
            name,
            event,
            is_async,
        } => {
            let framework = words([
                "python3",
                SERVE_PATH,
                "functions_framework",
                "--source",
                &file,
                "--target",
                name,
                "--signature-type",
                event.signature(),
            ]);
            let asgi = is_async.then(|| "--asgi".to_owned());
            (
                framework.into_iter().chain(asgi).collect(),
                map([("THREADS", THREADS)]),
            )
        }
        Kind::Wsgi(object) => {
            let (folder, module) = module(context, &application.file);
            let object = format!("{module}:{object}");
            let gunicorn = words([
                "python3",
                SERVE_PATH,
                "gunicorn",
                "--chdir",
                &folder,
                "--workers",
                "1",
                "--threads",
                THREADS,
                "--timeout",
                "0",
                "--log-level",
                "warning",
                &object,
            ]);
            (gunicorn, BTreeMap::new())
        }
        Kind::Asgi(object) => {
            let (folder, module) = module(context, &application.file);
            (
                words(["python3", ASGI_PATH, &folder, &format!("{module}:{object}")]),
                BTreeMap::new(),
            )
        }
        Kind::Program => (words(["python3", &file]), BTreeMap::new()),
        Kind::Command => (Vec::new(), BTreeMap::new()),
    }
}

/// Answers the environment of projects whose packages lie in `src` (packaging guide, "src layout"): they are found
/// there without being installed.
pub(super) fn environment(context: Context<'_>) -> BTreeMap<String, String> {
    let is_package = |path: &str| {
        let inside = path.strip_prefix("src/").and_then(|path| path.split_once('/'));
        inside.is_some_and(|(_, rest)| rest == "__init__.py")
    };
    let is_project = ["pyproject.toml", "setup.py"]
        .iter()
        .any(|file| context.source.contains(file));
    let has_packages = context
        .source
        .entries()
        .iter()
        .any(|entry| is_package(&entry.path));
    if is_project && has_packages {
        map([("PYTHONPATH", &format!("{APP}/src"))])
    } else {
        BTreeMap::new()
    }
}

/// Answers the folder that a file's module is imported from, and the module's name.
///
/// A file in a package is imported as part of it; one in a mere folder, from that folder.
fn module(context: Context<'_>, file: &str) -> (String, String) {
    let stem = file.strip_suffix(".py").unwrap_or(file);
    let (folders, name) = stem
        .rsplit_once('/')
        .map_or((None, stem), |(folders, name)| (Some(folders), name));
    match folders {
        None => (APP.to_owned(), name.to_owned()),
        Some(folders) if context.source.contains(&format!("{folders}/__init__.py")) => {
            (APP.to_owned(), stem.replace('/', "."))
        }
        Some(folders) => (format!("{APP}/{folders}"), name.to_owned()),
    }
}
