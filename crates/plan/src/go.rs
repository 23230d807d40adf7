//! Go: programs of their own, and handlers of the Functions Framework, as one static program.
//!
//! ```text
//! base (certificates, time zones; no C library) ── the program ── other files of the application
//!   └ toolchain ── compile ──┘
//! ```
//!
//! The Go command needs no shell, so that builds stand on the image's own base; only C code brings a builder with a
//! compiler. Modules are downloaded by the compiling step itself, into a cache that outlives it: a step that only
//! downloads lost, as it fetches what no package of the application imports.

mod application;
mod cgo;
mod compile;
mod constraint;
mod detect;
mod framework;
mod mod_file;
mod package;
mod project;
mod scan;
mod toolchain;

use crate::context::Context;
use crate::draft::{APP, Draft, Start, map};
use crate::error::PlanError;
use crate::files;
use crate::op::{Copy, Op};
use crate::plan::Plan;

pub(crate) use detect::{is_module, is_source, nested_module, sign};

use application::{Application, Kind};
use compile::Compile;
use project::Project;

/// Where the program is in the image.
const PROGRAM: &str = "/usr/local/bin/function";

/// The Debian release that the base is of.
const RELEASE: &str = "trixie";

/// Plans a Go application.
pub(crate) fn plan(context: Context<'_>, mut draft: Draft) -> Result<Plan, PlanError> {
    let project = Project::find(context)?;
    let application = application::find(context, &project, &mut draft)?;
    project.check(context, &application.folder)?;
    let request = toolchain::choose(context, &project, &application, &mut draft)?;
    let selected = files::select(context)?;
    draft.warnings.extend(selected.warnings);

    let compile = Compile::new(context, &project, &application, selected.files.clone())?;
    let root = compile.root(context, &request, &mut draft)?;
    let step = compile.op(context, root)?;
    draft.layer("program", "compile the program", step);
    let rest: Vec<String> = selected
        .files
        .into_iter()
        .filter(|file| compile::is_read_at_run_time(file))
        .collect();
    if !rest.is_empty() {
        let copy = Copy {
            files: rest,
            to: APP.to_owned(),
        };
        draft.layer(
            "application",
            "copy the application's other files",
            Op::Copy(copy),
        );
    }
    Ok(draft.finish(context, start(&application)))
}

fn start(application: &Application) -> Start {
    let env = match &application.kind {
        Kind::Handler(handler) => map([("FUNCTION_TARGET", handler.name.as_str())]),
        Kind::Program => map([]),
    };
    Start {
        runtime: "go",
        command: vec![PROGRAM.to_owned()],
        env,
    }
}
