//! Compiling to bytecode while building, so that no instance does it while somebody waits.
//!
//! The compiled files are never checked against their sources (PEP 552, "unchecked hash-based pycs"): an image's
//! files do not change, and each check is a system call. A fixed hash seed makes two compilations byte for byte
//! equal. Bytecode is the same on all processors, so that the build's own Python makes it for any image.

use coracle_spec::revision::Network;

use super::release::Release;
use crate::context::Context;
use crate::draft::{APP, Draft, build_environment};
use crate::op::{Capture, Input, Op, Run};
use crate::step::StepId;

/// An application with more Python than this is compiled while building. Below it, compiling at start takes less
/// than a few milliseconds, and a layer that only copying makes is worth more.
const LARGE: u64 = 32 * 1024;

/// The functions that compile.
pub(super) const FUNCTIONS: &str = include_str!("compile.py");

/// Where the program is that compiles.
const PROGRAM: &str = "/opt/coracle/compile.py";

const MAIN: &str = "
end = sys.argv.index(\"--\")
compile_all(sys.argv[1:end], sys.argv[end + 1 :])
";

/// What of the standard library no served application imports: development tools, and what only stands in for
/// modules in C. Whatever does import it compiles it then.
const UNUSED: [&str; 17] = [
    "__phello__",
    "_pydatetime.py",
    "_pydecimal.py",
    "_pyio.py",
    "_pyrepl",
    "doctest.py",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pdb.py",
    "pickletools.py",
    "pydoc.py",
    "pydoc_data",
    "test",
    "tkinter",
    "turtle.py",
    "venv",
];

/// Answers the operation that compiles the standard library, in a root that has the same one as the image's base.
pub(super) fn of_standard_library(context: Context<'_>, release: Release, root: StepId) -> Op {
    let folder = format!("/usr/lib/python{}", release.version());
    // What a build of Python notes of itself is the one module that differs between processors.
    let exclude = context
        .target
        .is_foreign()
        .then(|| "**/_sysconfigdata_*".to_owned());
    let capture = Capture {
        path: folder,
        exclude: exclude.into_iter().collect(),
    };
    compile(capture, &UNUSED, root, Vec::new())
}

/// Adds the bytecode of the application's own files, if they are many.
pub(super) fn of_large_application(context: Context<'_>, files: &[String], root: StepId, draft: &mut Draft) {
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
        let capture = Capture {
            path: APP.to_owned(),
            exclude: Vec::new(),
        };
        draft.layer(
            "application-bytecode",
            "compile the application",
            compile(capture, &[], root, inputs),
        );
    }
}

fn compile(capture: Capture, unused: &[&str], root: StepId, inputs: Vec<Input>) -> Op {
    let words = ["python3", "-SB", PROGRAM, &capture.path, "--"];
    let program = Input::Text {
        contents: format!("{FUNCTIONS}{MAIN}"),
        to: PROGRAM.to_owned(),
    };
    Op::Run(Run {
        root: vec![root],
        command: words
            .iter()
            .chain(unused)
            .map(|word| (*word).to_owned())
            .collect(),
        env: build_environment([("PYTHONHASHSEED", "0")]),
        workdir: "/".to_owned(),
        inputs: inputs.into_iter().chain([program]).collect(),
        caches: Vec::new(),
        network: Network::None,
        capture: vec![capture],
    })
}
