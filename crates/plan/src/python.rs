//! Python: handlers of the Functions Framework, WSGI and ASGI applications, and servers of their own.
//!
//! ```text
//! base (Debian's python3) ── bytecode of the standard library ── dependencies ── application
//! ```
//!
//! Dependencies go where Debian's Python looks for what the administrator installs (`/usr/local`), so that no
//! search path is set and `.pth` files work. A virtual environment lost: it repeats the interpreter's links and
//! adds start-up work for nothing, as an image has one application.

mod application;
mod bytecode;
mod dependencies;
mod detect;
mod file;
mod pyproject;
mod release;
mod requirements;
mod scan;
mod start;

use crate::context::Context;
use crate::draft::{self, Draft, Start, map};
use crate::error::PlanError;
use crate::op::BaseKind;
use crate::plan::Plan;
use crate::step::StepId;

pub(crate) use detect::{is_source, sign};

use release::Release;

/// Plans a Python application.
pub(crate) fn plan(context: Context<'_>, mut draft: Draft) -> Result<Plan, PlanError> {
    let release = Release::choose(context, &mut draft)?;
    let application = application::find(context, &mut draft)?;
    let declared = dependencies::declared(context, &mut draft)?;
    let wanted = dependencies::complete(declared, &application)?;

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
    let standard = bytecode::of_base(release, base.clone());
    let standard = draft.layer("bytecode", "compile the standard library", standard);
    if let Some(wanted) = wanted {
        let root = builder(context, release, &mut draft);
        draft.layer(
            "dependencies",
            "install dependencies",
            dependencies::install(&wanted, release, root),
        );
    }
    start::own_files(&application, &mut draft);
    let files = draft.application(context)?;
    bytecode::of_large_application(context, &files, vec![base, standard], &mut draft);

    let (command, own) = start::command(context, &application);
    let mut env = map([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1")]);
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

/// Adds the root that pip runs in, compiled, since pip is a large program that starts for every installation.
fn builder(context: Context<'_>, release: Release, draft: &mut Draft) -> Vec<StepId> {
    let packages = ["python3", "python3-pip"];
    let op = draft::base(
        context,
        release.recipe(),
        release.debian(),
        BaseKind::Builder,
        &packages,
    );
    let builder = draft.step("builder", "assemble the builder with pip", op);
    let compiled = bytecode::of_builder(release, builder.clone());
    let bytecode = draft.step("builder-bytecode", "compile the builder's Python", compiled);
    vec![builder, bytecode]
}
