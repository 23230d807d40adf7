//! Compiling to bytecode while building, so that no instance does it while somebody waits.
//!
//! The compiled files are never checked against their sources (PEP 552, "unchecked hash-based pycs"): an image's
//! files do not change, and each check is a system call. A fixed hash seed makes two compilations byte for byte
//! equal.

use coracle_spec::revision::Network;

use super::release::Release;
use crate::context::Context;
use crate::draft::{APP, Draft, build_environment, words};
use crate::op::{Capture, Input, Op, Run};
use crate::step::StepId;

/// An application with more Python than this is compiled while building. Below it, compiling at start takes less
/// than a few milliseconds, and a layer that only copying makes is worth more.
const LARGE: u64 = 32 * 1024;

/// Compiles all beneath a folder. Files that do not compile are left to whoever imports them: packages hold files
/// for other versions of Python, and tests of broken ones.
const PROGRAM: &str = "import compileall, py_compile, sys; mode = py_compile.PycInvalidationMode.UNCHECKED_HASH; \
                       [compileall.compile_dir(folder, quiet=2, invalidation_mode=mode) for folder in sys.argv[1:]]";

/// Answers the command that compiles all beneath some folders.
pub(super) fn command(folders: &[String]) -> Vec<String> {
    words(["python3", "-c", PROGRAM])
        .into_iter()
        .chain(folders.iter().cloned())
        .collect()
}

/// Answers the operation that compiles the standard library of an image's base.
pub(super) fn of_base(release: Release, base: StepId) -> Op {
    compile(&[standard_library(release)], vec![base], Vec::new())
}

/// Answers the operation that compiles the standard library and pip of a builder.
pub(super) fn of_builder(release: Release, builder: StepId) -> Op {
    compile(
        &[
            standard_library(release),
            "/usr/lib/python3/dist-packages".to_owned(),
        ],
        vec![builder],
        Vec::new(),
    )
}

fn standard_library(release: Release) -> String {
    format!("/usr/lib/python{}", release.version())
}

/// Adds the bytecode of the application's own files, if they are many.
pub(super) fn of_large_application(
    context: Context<'_>,
    files: &[String],
    root: Vec<StepId>,
    draft: &mut Draft,
) {
    let files: Vec<String> = files
        .iter()
        .filter(|file| super::is_source(file))
        .cloned()
        .collect();
    let entries = context.source.entries().iter();
    let of_application = entries.filter(|entry| files.binary_search(&entry.path).is_ok());
    if of_application.map(|entry| entry.size).sum::<u64>() > LARGE {
        let inputs = vec![Input::Source {
            files,
            to: APP.to_owned(),
        }];
        draft.layer(
            "application-bytecode",
            "compile the application",
            compile(&[APP.to_owned()], root, inputs),
        );
    }
}

fn compile(folders: &[String], root: Vec<StepId>, inputs: Vec<Input>) -> Op {
    Op::Run(Run {
        root,
        command: command(folders),
        env: build_environment([("PYTHONHASHSEED", "0")]),
        workdir: "/".to_owned(),
        inputs,
        caches: Vec::new(),
        network: Network::None,
        capture: folders
            .iter()
            .map(|folder| Capture {
                path: folder.clone(),
                exclude: Vec::new(),
            })
            .collect(),
    })
}
