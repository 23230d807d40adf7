//! Node: handlers of the Functions Framework, and servers of their own.
//!
//! ```text
//! base (Debian's Node 20) ─────────┬ framework, when the author ─┬─ dependencies ── files
//! base (C library) ── newer Node ──┘ does not depend on it       ├─ dependencies ── files ── what `build` makes
//!                                                                └─ what cannot be bundled ── files ── bundle
//! ```
//!
//! npm comes from its own registry: Debian's would bring 370 packages, and is older.

mod application;
mod build_script;
mod bundle;
mod dependencies;
mod detect;
mod foreign;
mod install;
mod kind;
mod lockfile;
mod manager;
mod package;
mod range;
mod runtime;
mod scan;
mod script;
mod tools;
mod tsconfig;
mod version;

use std::collections::BTreeMap;

use crate::context::Context;
use crate::draft::{APP, Draft, Start, map};
use crate::error::PlanError;
use crate::event::Event;
use crate::op::{Op, Write, Written};
use crate::plan::Plan;
use crate::step::StepId;

pub(crate) use detect::{is_source, sign};

use application::{Application, Made};
use bundle::{Bundle, Framework};
use install::{Install, Scope};
use kind::Kind;
use package::Package;
use runtime::Runtime;
use tools::{Builder, Installed};

/// Where the framework is when the author does not depend on it, and where Node looks for it: beside the
/// application's folder, so that both `import` and `require` find the one instance that handlers register with.
const OWN: &str = "/opt/coracle";
const FOUND_AT: &str = "/node_modules";

/// The framework's package, and its program in it.
const FRAMEWORK: &str = "@google-cloud/functions-framework";
const FRAMEWORK_PROGRAM: &str = "build/src/main.js";

/// Plans a Node application.
pub(crate) fn plan(context: Context<'_>, mut draft: Draft) -> Result<Plan, PlanError> {
    let package = Package::read(context)?;
    let runtime = Runtime::choose(context, &package, &mut draft)?;
    let application = application::find(context, &package, &mut draft)?;
    refuse_metadata(context, &application)?;
    let scope = scope(context, &package, &application)?;
    let install = dependencies::choose(context, &package, scope, &mut draft)?;
    let adds_framework = matches!(application.kind, Kind::Handler { .. }) && !package.depends_on(FRAMEWORK);

    let node = runtime.layers(context, &mut draft);
    let mut workshop = Workshop {
        context,
        runtime: &runtime,
        node,
        builder: None,
    };
    if adds_framework {
        let npm = workshop.builder(&mut draft).npm(&mut draft);
        add_framework(npm, &mut draft);
    }
    match &application.made {
        Made::AsItIs => workshop.as_it_is(install.as_ref(), &mut draft)?,
        Made::Built => workshop.built(&package, install.as_ref(), &mut draft)?,
        Made::Bundled(bundle) => {
            let is_handler = matches!(application.kind, Kind::Handler { .. });
            let framework = Framework::of(is_handler, adds_framework);
            workshop.bundled((bundle, install.as_ref()), framework, &mut draft)?;
        }
    }
    let (command, own) = command(context, &application, if adds_framework { OWN } else { APP });
    let mut env = map([("NODE_ENV", "production")]);
    env.extend(own);
    Ok(draft.finish(
        context,
        Start {
            runtime: "node",
            command,
            env,
        },
    ))
}

/// Esbuild writes no types into decorators, so that what asks for them would fail when it runs.
fn refuse_metadata(context: Context<'_>, application: &Application) -> Result<(), PlanError> {
    if !matches!(application.made, Made::Bundled(_)) {
        return Ok(());
    }
    let place = match context.manifest.build.node.decorator_metadata {
        Some(false) => return Ok(()),
        Some(true) => Some("`build.node.decorator_metadata`".to_owned()),
        None => tsconfig::read(context)?
            .decorator_metadata
            .map(|file| format!("`emitDecoratorMetadata` in `{file}`")),
    };
    place.map_or(Ok(()), |place| {
        Err(PlanError::NotYet {
            what: format!("{place} in a bundle"),
            instead: "have the TypeScript compiler make the application: a `build` script (`tsc`) and a `start` script \
                      that runs what it makes (`node dist/main.js`) in `package.json`"
                .to_owned(),
        })
    })
}

/// Answers which packages making the application needs.
fn scope(context: Context<'_>, package: &Package, application: &Application) -> Result<Scope, PlanError> {
    Ok(match &application.made {
        Made::AsItIs => Scope::Image,
        Made::Built => Scope::Build,
        Made::Bundled(_) => {
            let is_developed = |name: &String| package.develops_with(name) && name != FRAMEWORK;
            let extends = tsconfig::read(context)?.extends_package;
            if extends || bundle::packages(context)?.iter().any(is_developed) {
                Scope::Bundle
            } else {
                Scope::Image
            }
        }
    })
}

/// Answers whether a file is Yarn itself or of its offline cache, which are installed from and not run.
fn is_of_yarn(path: &str) -> bool {
    path.starts_with(".yarn/")
}

/// Answers whether a file is read only by what makes others of it.
fn is_source_of_build(path: &str) -> bool {
    detect::has_typescript(path) || is_of_yarn(path)
}

/// Where a plan's commands run.
struct Workshop<'a> {
    context: Context<'a>,
    runtime: &'a Runtime,
    /// The image's layer with Node, when its base has none.
    node: Option<StepId>,
    builder: Option<Builder>,
}

impl Workshop<'_> {
    fn builder(&mut self, draft: &mut Draft) -> &mut Builder {
        let (context, runtime, node) = (self.context, self.runtime, &self.node);
        self.builder
            .get_or_insert_with(|| Builder::new(context, runtime, node.clone(), draft))
    }

    /// Adds the installed packages and the files as they are.
    fn as_it_is(&mut self, install: Option<&Install>, draft: &mut Draft) -> Result<(), PlanError> {
        if let Some(install) = install {
            self.dependencies(install, draft)?;
        }
        draft.application_without(self.context, is_of_yarn).map(drop)
    }

    /// Adds the packages that the application needs when it runs.
    fn dependencies(&mut self, install: &Install, draft: &mut Draft) -> Result<(), PlanError> {
        let context = self.context;
        let installed = self.builder(draft).manager(context, &install.chosen, draft)?;
        let op = install.op(context, installed, Scope::Image);
        draft.layer("dependencies", "install dependencies", op);
        Ok(())
    }

    /// Adds what the author's own build makes.
    fn built(
        &mut self,
        package: &Package,
        install: Option<&Install>,
        draft: &mut Draft,
    ) -> Result<(), PlanError> {
        let context = self.context;
        let npm = self.builder(draft).npm(draft);
        let mut root = Vec::new();
        if let Some(install) = install {
            if package.has_dependencies() {
                self.dependencies(install, draft)?;
            }
            let installed = self.builder(draft).manager(context, &install.chosen, draft)?;
            root.clone_from(&installed.root);
            let op = install.op(context, installed, Scope::Build);
            root.push(draft.step("build-dependencies", "install what the build needs", op));
        }
        draft.application_without(context, is_source_of_build)?;
        let op = build_script::op(context, npm, root);
        draft.layer("build", "run the `build` script", op);
        Ok(())
    }

    /// Adds the bundle.
    fn bundled(
        &mut self,
        (bundle, install): (&Bundle, Option<&Install>),
        framework: Framework,
        draft: &mut Draft,
    ) -> Result<(), PlanError> {
        let context = self.context;
        let mut packages = None;
        if let Some(install) = install {
            let installed = self.builder(draft).manager(context, &install.chosen, draft)?;
            let op = install.op(context, installed, install.scope);
            packages = Some((draft.step("packages", "install dependencies", op), install));
        }
        let around = bundle::Surroundings {
            runtime: self.runtime,
            root: self.builder(draft).root().to_vec(),
            packages,
            framework,
        };
        bundle.layers(context, &around, draft)
    }
}

fn add_framework(npm: Installed, draft: &mut Draft) {
    draft.layer(
        "framework",
        "install the Functions Framework",
        install::framework(npm),
    );
    let link = Written::Link {
        path: FOUND_AT.to_owned(),
        target: format!("{OWN}/node_modules"),
    };
    draft.layer(
        "framework-link",
        "let the application find it",
        Op::Write(Write { files: vec![link] }),
    );
}

/// Answers what starts the application, and its environment.
fn command(
    context: Context<'_>,
    application: &Application,
    framework: &str,
) -> (Vec<String>, BTreeMap<String, String>) {
    let start = match &application.kind {
        Kind::Handler { name, event } => handled(application, framework, (name, *event)),
        Kind::Program(start) => start.clone(),
        Kind::Command => return (Vec::new(), map([])),
    };
    let is_made = application.made != Made::AsItIs;
    let start = if context.manifest.build.node.source_maps.unwrap_or(is_made) {
        start.with_source_maps()
    } else {
        start
    };
    (start.words, start.env)
}

/// Answers what has the framework call a handler.
fn handled(application: &Application, framework: &str, (name, event): (&str, Event)) -> script::Start {
    let file = match &application.made {
        Made::Bundled(bundle) => bundle.output(),
        Made::AsItIs | Made::Built => &application.file,
    };
    let words = vec![
        "node".to_owned(),
        format!("{framework}/node_modules/{FRAMEWORK}/{FRAMEWORK_PROGRAM}"),
        format!("--source={APP}/{file}"),
        format!("--target={name}"),
        format!("--signature-type={}", event.signature()),
    ];
    script::Start { words, env: map([]) }
}
