//! Finding the application: which file, and how it takes requests.

use coracle_spec::manifest::Entry;

use super::bundle::Bundle;
use super::detect;
use super::kind::{self, Kind};
use super::package::{self, Package};
use super::scan;
use super::script::{self, Start};
use crate::context::Context;
use crate::draft::Draft;
use crate::error::PlanError;

/// Where applications usually are, in the order in which they are looked at.
const CANDIDATES: [&str; 27] = [
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
    "index.ts",
    "index.mts",
    "function.ts",
    "server.ts",
    "app.ts",
    "main.ts",
    "handler.ts",
    "src/index.ts",
    "src/index.mts",
    "src/function.ts",
    "src/server.ts",
    "src/app.ts",
    "src/main.ts",
    "src/handler.ts",
];

/// An application.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Application {
    /// The file, from the folder's top.
    pub(super) file: String,
    /// How it takes requests.
    pub(super) kind: Kind,
    /// What becomes of its files.
    pub(super) made: Made,
}

/// What becomes of an application's files.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// They are run as they are.
    AsItIs,
    /// They become one file.
    Bundled(Bundle),
    /// The author's own `build` script makes others of them.
    Built,
}

/// Finds the application: what the manifest says, else the `start` script, else in the usual places.
pub(super) fn find(
    context: Context<'_>,
    package: &Package,
    draft: &mut Draft,
) -> Result<Application, PlanError> {
    let revision = &context.manifest.revision;
    if !revision.command.is_empty() || !revision.entrypoint.is_empty() {
        draft.why.push("the manifest says what starts".to_owned());
        return Ok(of_command(context, package));
    }
    let finder = Finder { context, package };
    if let Some(entry) = &context.manifest.build.entry {
        return finder.named(entry, draft);
    }
    let wants_handler =
        context.manifest.build.handler.is_some() || kind::is_handler(context.manifest.signature);
    match package.scripts.get("start").filter(|_| !wants_handler) {
        Some(start) => finder.of_script(start, draft),
        None => finder.searched(draft),
    }
}

/// A command of the manifest's that runs a file which is not there needs it made.
fn of_command(context: Context<'_>, package: &Package) -> Application {
    let words = context
        .manifest
        .revision
        .entrypoint
        .iter()
        .chain(&context.manifest.revision.command);
    let is_made = |word: &String| {
        let file = word.strip_prefix("./").unwrap_or(word);
        [".js", ".mjs", ".cjs"]
            .iter()
            .any(|suffix| file.ends_with(suffix))
            && !file.starts_with('/')
            && !context.source.contains(file)
    };
    let made = if package.has_build() && words.into_iter().any(is_made) {
        Made::Built
    } else {
        Made::AsItIs
    };
    Application {
        file: String::new(),
        kind: Kind::Command,
        made,
    }
}

fn needs_shell(script: &str) -> PlanError {
    PlanError::NotYet {
        what: format!("the `start` script `{script}`, which needs a shell or another script,"),
        instead: "say in `coracle.yaml` what starts: `command: [node, server.js]`".to_owned(),
    }
}

/// Where an application is looked for.
#[derive(Clone, Copy)]
struct Finder<'a> {
    context: Context<'a>,
    package: &'a Package,
}

impl Finder<'_> {
    fn of_script(self, script: &str, draft: &mut Draft) -> Result<Application, PlanError> {
        let alone = script::without_build(script).filter(|_| self.package.has_build());
        let start = script::parse(alone.unwrap_or(script)).ok_or_else(|| needs_shell(script))?;
        draft
            .why
            .push(format!("`{}` starts it with `{script}`", package::FILE));
        if let Some(index) = start.typescript() {
            return self.bundled_start(&start, index);
        }
        let missing = self.missing(&start);
        if self.package.has_build() && (missing.is_some() || start.launcher().is_some()) {
            draft.why.push(format!(
                "its `build` script makes it: `{}`",
                self.package.scripts["build"]
            ));
            return Ok(started(start, Made::Built));
        }
        if let Some(path) = missing {
            return self.searched(draft).or_else(|_| not_there(start, path));
        }
        match start
            .program()
            .filter(|_| self.bundles() && start.launcher().is_none())
        {
            Some(index) => self.bundled_start(&start, index),
            None => Ok(started(start, Made::AsItIs)),
        }
    }

    fn bundles(self) -> bool {
        self.context.manifest.build.node.bundle == Some(true)
    }

    /// Bundles the file that a script runs.
    fn bundled_start(self, start: &Start, index: usize) -> Result<Application, PlanError> {
        let word = start.words[index].trim_start_matches("./");
        let file = resolved(self.context, self.package, word).unwrap_or_else(|| word.to_owned());
        let text = self
            .context
            .named_text(&file, &format!("the `start` script in `{}`", package::FILE))?;
        if self.context.manifest.build.node.bundle == Some(false) {
            return Ok(started(start.running(index, &file), Made::AsItIs));
        }
        let bundle = Bundle::choose(self.context, self.package, &file, &scan::without_comments(&text));
        Ok(Application {
            kind: Kind::Program(start.running(index, bundle.output())),
            file,
            made: Made::Bundled(bundle),
        })
    }

    /// Answers the file that a script runs, when it is not there.
    fn missing(self, start: &Start) -> Option<String> {
        let word = start.words.get(start.program()?)?;
        let is_elsewhere =
            word.starts_with('/') || word.trim_start_matches("./").starts_with("node_modules/");
        let is_there = is_elsewhere || resolved(self.context, self.package, word).is_some();
        (!is_there).then(|| word.clone())
    }

    fn named(self, entry: &Entry, draft: &mut Draft) -> Result<Application, PlanError> {
        if !self.context.source.contains(&entry.file) && self.package.has_build() {
            draft
                .why
                .push(format!("the `build` script makes `{}`", entry.file));
            return Ok(started(kind::running(&entry.file), Made::Built));
        }
        let text = self.context.named_text(&entry.file, "`build.entry`")?;
        let handler = entry
            .object
            .as_ref()
            .or(self.context.manifest.build.handler.as_ref());
        let kind = kind::of(self.context, &entry.file, &text, handler)?;
        let kind = kind.unwrap_or_else(|| Kind::Program(kind::running(&entry.file)));
        draft.why.push(kind::described(&entry.file, &kind));
        Ok(self.made(&entry.file, &text, kind))
    }

    fn searched(self, draft: &mut Draft) -> Result<Application, PlanError> {
        let context = self.context;
        let handler = context.manifest.build.handler.as_ref();
        let main = self.package.main.as_deref();
        let main = main.and_then(|main| resolved(context, self.package, main));
        let usual = CANDIDATES
            .into_iter()
            .filter(|file| context.source.contains(file))
            .map(str::to_owned);
        let files: Vec<String> = main.into_iter().chain(usual).collect();
        for file in &files {
            let Some(text) = context.text(file)? else { continue };
            if let Some(kind) = kind::of(context, file, &text, handler)? {
                draft.why.push(kind::described(file, &kind));
                return Ok(self.made(file, &text, kind));
            }
        }
        Err(no_start(files))
    }

    fn made(self, file: &str, text: &str, kind: Kind) -> Application {
        let bundles = self.context.manifest.build.node.bundle;
        if !bundles.unwrap_or_else(|| detect::is_typescript(file)) {
            return Application {
                file: file.to_owned(),
                kind,
                made: Made::AsItIs,
            };
        }
        let bundle = Bundle::choose(self.context, self.package, file, &scan::without_comments(text));
        let kind = match kind {
            Kind::Program(start) => Kind::Program(start.running(1, bundle.output())),
            kind => kind,
        };
        Application {
            file: file.to_owned(),
            kind,
            made: Made::Bundled(bundle),
        }
    }
}

/// A word without the suffix of a program may be the value of an option before it.
fn not_there(start: Start, path: String) -> Result<Application, PlanError> {
    if !detect::is_source(&path) {
        return Ok(started(start, Made::AsItIs));
    }
    Err(PlanError::Missing {
        path,
        named_by: format!("the `start` script in `{}`", package::FILE),
    })
}

fn started(start: Start, made: Made) -> Application {
    Application {
        file: String::new(),
        kind: Kind::Program(start),
        made,
    }
}

/// What Node runs may leave out the suffix, or name a folder with an index; the top's is `main`.
fn resolved(context: Context<'_>, package: &Package, word: &str) -> Option<String> {
    let word = word.trim_start_matches("./").trim_end_matches('/');
    if matches!(word, "" | ".") {
        let main = package
            .main
            .as_deref()
            .filter(|main| !matches!(*main, "" | "." | "./"));
        return resolved(context, package, main.unwrap_or("index"));
    }
    ["", ".js", ".cjs", ".mjs", "/index.js"]
        .iter()
        .map(|suffix| format!("{word}{suffix}"))
        .find(|path| context.source.contains(path))
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
