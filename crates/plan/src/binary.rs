//! A program that was built before: one file that needs nothing of the image.
//!
//! It is looked into before anything is built: one for other processors, or one that wants a C library, would fail at
//! the first request with a message that names neither.

mod elf;

use std::collections::BTreeMap;

use coracle_spec::manifest::BuildType;

use crate::context::Context;
use crate::draft::{self, APP, Draft, Start};
use crate::error::PlanError;
use crate::op::{BaseKind, Copy, Op};
use crate::plan::Plan;
use crate::source::{Entry, Kind};

use elf::Elf;

/// The Debian release that the base is of.
const RELEASE: &str = "trixie";

/// Answers whether the manifest says that what it names was built before.
pub(crate) fn is_named(context: Context<'_>) -> bool {
    context.manifest.build.kind == BuildType::Artifact
}

/// Answers the folder's only program, when it has one.
pub(crate) fn sign(context: Context<'_>) -> Option<&str> {
    let is_candidate = |entry: &&Entry| entry.kind == Kind::Executable;
    let mut programs = context.source.entries().iter().filter(is_candidate);
    let only = programs.next().filter(|_| programs.next().is_none())?;
    let contents = context.source.read(&only.path).ok()??;
    elf::is_one(&contents).then_some(only.path.as_str())
}

/// Plans the image of the program that the manifest names, else of the folder's only one.
pub(crate) fn plan(context: Context<'_>, mut draft: Draft) -> Result<Plan, PlanError> {
    let packages = &context.manifest.build.packages;
    let base = if packages.is_empty() {
        draft::static_base(context.target.arch)
    } else {
        draft::base(context, "plain", RELEASE, BaseKind::Runtime, &[])
    };
    draft.layer("base", "assemble the base", base);
    let command = if is_named(context) {
        named(context, &mut draft)?
    } else {
        let program = sign(context).unwrap_or_default().to_owned();
        check(context, &program)?;
        draft.application(context)?;
        vec![format!("{APP}/{program}")]
    };
    let start = Start {
        runtime: "binary",
        command,
        env: BTreeMap::new(),
    };
    Ok(draft.finish(context, start))
}

/// Adds the file that `build.path` names, or all files of the folder; answers what starts.
fn named(context: Context<'_>, draft: &mut Draft) -> Result<Vec<String>, PlanError> {
    let path = context.manifest.build.path.as_deref().ok_or_else(no_path)?;
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let (files, command) = if context.source.contains(path) {
        check(context, path)?;
        (vec![path.to_owned()], vec![format!("{APP}/{path}")])
    } else {
        (folder(context, path)?, Vec::new())
    };
    let to = APP.to_owned();
    draft.layer("application", "copy what was built", Op::Copy(Copy { files, to }));
    Ok(command)
}

fn folder(context: Context<'_>, path: &str) -> Result<Vec<String>, PlanError> {
    let paths = context.source.entries().iter().map(|entry| entry.path.as_str());
    let start = format!("{path}/");
    let files: Vec<String> = paths
        .filter(|file| file.starts_with(&start) || path == ".")
        .map(str::to_owned)
        .collect();
    let revision = &context.manifest.revision;
    if files.is_empty() {
        return Err(PlanError::Missing {
            path: path.to_owned(),
            named_by: "`build.path`".to_owned(),
        });
    }
    if revision.command.is_empty() && revision.entrypoint.is_empty() {
        return Err(PlanError::Program {
            message: format!("`{path}` is a folder, and nothing says what starts"),
            instead: format!("name the program: `command: [./{path}/PROGRAM]`, or its file in `build.path`"),
        });
    }
    Ok(files)
}

fn no_path() -> PlanError {
    PlanError::Program {
        message: "`build.type: artifact` needs to know what was built".to_owned(),
        instead: "name it: `build: {type: artifact, path: dist/server}`".to_owned(),
    }
}

/// Refuses a file that the image cannot run.
fn check(context: Context<'_>, path: &str) -> Result<(), PlanError> {
    let contents = context.source.read(path)?.unwrap_or_default();
    let refused = |message: String, instead: String| Err(PlanError::Program { message, instead });
    if contents.starts_with(b"#!") {
        return refused(
            format!("`{path}` is a script, and the image has nothing that could run it"),
            "name the runtime of its language (`coracle runtimes`), or a program that is linked statically"
                .to_owned(),
        );
    }
    let Some(elf) = Elf::read(&contents) else {
        return refused(
            format!("`{path}` is {}", elf::described(&contents)),
            "compile it for Linux, linked statically".to_owned(),
        );
    };
    let arch = context.target.arch;
    if elf.arch != Some(arch) {
        let own = elf.arch.map_or("other", crate::target::Arch::name);
        return refused(
            format!(
                "`{path}` is for {own} processors, and the image for {}",
                arch.name()
            ),
            format!(
                "compile it for {}, or name its own in `build.platforms`",
                arch.name()
            ),
        );
    }
    match elf.interpreter {
        Some(interpreter) if context.manifest.build.packages.is_empty() => {
            refused(dynamic(path, &interpreter), way_out(path, &interpreter))
        }
        _ => executable(context, path),
    }
}

fn dynamic(path: &str, interpreter: &str) -> String {
    format!("`{path}` is linked dynamically: it wants `{interpreter}`, and the image has no C library")
}

fn way_out(path: &str, interpreter: &str) -> String {
    if interpreter.contains("musl") {
        return "link it statically: no Debian package has that library where the program looks".to_owned();
    }
    format!(
        "link it statically, or say `runtime: server` and `command: [./{path}]`, which brings Debian's C library"
    )
}

/// A file that came through an archive or a store of artifacts often lost its mode.
fn executable(context: Context<'_>, path: &str) -> Result<(), PlanError> {
    let mut entries = context.source.entries().iter();
    if entries.any(|entry| entry.path == path && entry.kind == Kind::File) {
        return Err(PlanError::Program {
            message: format!("`{path}` is a program that nobody may execute"),
            instead: format!("let it be executed: `chmod +x {path}`"),
        });
    }
    Ok(())
}
