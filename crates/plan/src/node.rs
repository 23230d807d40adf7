//! Node: handlers of the Functions Framework, and servers of their own.
//!
//! ```text
//! base (Debian's Node 20) ─────────┬ framework, when the author does not depend on it ── dependencies ── application
//! base (C library) ── newer Node ──┘
//! ```
//!
//! npm comes from its own registry: Debian's would bring 370 packages, and is older.

mod application;
mod dependencies;
mod detect;
mod lockfile;
mod package;
mod range;
mod runtime;
mod scan;
mod script;
mod tools;
mod version;

use crate::context::Context;
use crate::draft::{APP, Draft, Start, map};
use crate::error::PlanError;
use crate::op::{Op, Write, Written};
use crate::plan::Plan;
use crate::step::StepId;

pub(crate) use detect::{is_source, sign};

use application::{Application, Kind};
use package::Package;
use runtime::Runtime;

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
    let install = dependencies::choose(context, &package, &mut draft)?;
    let adds_framework = matches!(application.kind, Kind::Handler { .. }) && !package.depends_on(FRAMEWORK);

    let node = runtime.layers(context, &mut draft);
    if install.is_some() || adds_framework {
        let builder = tools::builder(context, &runtime, node, &mut draft);
        if adds_framework {
            add_framework(builder.clone(), &mut draft);
        }
        if let Some(install) = install {
            draft.layer("dependencies", "install dependencies", install.op(builder));
        }
    }
    draft.application(context)?;

    let framework = if adds_framework { OWN } else { APP };
    let (command, own) = command(&application, framework);
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

fn add_framework(builder: Vec<StepId>, draft: &mut Draft) {
    draft.layer(
        "framework",
        "install the Functions Framework",
        dependencies::framework(builder),
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
    application: &Application,
    framework: &str,
) -> (Vec<String>, std::collections::BTreeMap<String, String>) {
    match &application.kind {
        Kind::Handler { name, event } => {
            let program = format!("{framework}/node_modules/{FRAMEWORK}/{FRAMEWORK_PROGRAM}");
            let command = vec![
                "node".to_owned(),
                program,
                format!("--source={APP}/{}", application.file),
                format!("--target={name}"),
                format!("--signature-type={}", event.signature()),
            ];
            (command, map([]))
        }
        Kind::Program(start) => (start.words.clone(), start.env.clone()),
        Kind::Command => (Vec::new(), map([])),
    }
}
