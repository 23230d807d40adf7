//! Python: handlers of the Functions Framework, WSGI and ASGI applications, and servers of their own.
//!
//! ```text
//! base (Debian's python3) ── bytecode of the standard library ── dependencies ── application
//! ```
//!
//! Packages are installed over the image's own base, and beside the standard library's compilation. A builder with a
//! shell and tools is assembled when something has to be built, or when the image's base cannot run here.
//!
//! Dependencies go where Debian's Python looks for what the administrator installs (`/usr/local`), so that no
//! search path is set and `.pth` files work. A virtual environment lost: it repeats the interpreter's links and
//! adds start-up work for nothing, as an image has one application.

mod application;
mod bytecode;
mod dependencies;
mod detect;
mod file;
mod install;
mod local;
mod locked;
mod manager;
mod name;
mod pyproject;
mod range;
mod release;
mod requirements;
mod scan;
mod serving;
mod start;
mod tools;

use crate::context::Context;
use crate::draft::{self, Draft, Start, map};
use crate::error::PlanError;
use crate::op::BaseKind;
use crate::plan::Plan;

pub(crate) use detect::{is_source, sign};

use release::Release;

/// Plans a Python application.
pub(crate) fn plan(context: Context<'_>, mut draft: Draft) -> Result<Plan, PlanError> {
    let release = Release::choose(context, &mut draft)?;
    let application = application::find(context, &mut draft)?;
    let declared = dependencies::declared(context, &mut draft)?;
    let install = dependencies::complete(declared, &application);

    let runtime = draft::base(
        context,
        release.recipe(),
        release.debian(),
        BaseKind::Runtime,
        &["python3"],
    );
    let base = draft.layer(
        "base",
        format!("assemble the base with Python {}", release.version()),
        runtime,
    );
    let builder = install::builder(context, release, install.as_ref(), &mut draft);
    // Where this Python runs on the machine that builds.
    let runs = builder
        .clone()
        .filter(|_| context.target.is_foreign())
        .unwrap_or_else(|| base.clone());
    let standard = bytecode::of_standard_library(context, release, runs.clone());
    draft.layer("bytecode", "compile the standard library", standard);
    if let Some(install) = install {
        let uv = tools::uv(context.target.host, &mut draft);
        let root = vec![builder.unwrap_or(base), uv];
        draft.layer(
            "dependencies",
            "install dependencies",
            install.op(context, release, root),
        );
    }
    start::own_files(&application, &mut draft);
    let files = draft.application(context)?;
    bytecode::of_large_application(context, &files, runs, &mut draft);

    let (command, own) = start::command(context, &application);
    let mut env = map([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1")]);
    env.extend(start::environment(context));
    env.extend(own);
    Ok(draft.finish(
        context,
        Start {
            runtime: "python",
            command,
            env,
        },
    ))
}
