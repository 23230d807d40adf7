//! The program around a handler: a module of its own beside the author's, in one workspace with it.
//!
//! A workspace lets the program import the author's package without a change to the author's `go.mod`, and chooses one
//! version of each module for both. A `replace` in a module of our own lost: it would have to repeat all that the
//! author's module requires.

use super::mod_file::ModFile;
use super::package::{self, Handler};
use super::project::{Module, Project};
use crate::event::Event;
use crate::op::Input;

/// The module of the Functions Framework.
const MODULE: &str = "github.com/GoogleCloudPlatform/functions-framework-go";

/// The oldest Go that it accepts.
pub(super) const GO: [u32; 3] = [1, 21, 0];

/// Where the program's module is.
pub(super) const FOLDER: &str = "/coracle/function";

/// What it requires when the author's module does not require the framework: the versions and hashes of all that the
/// framework needs.
const GO_MOD: &str = include_str!("framework/go.mod.txt");
const GO_SUM: &str = include_str!("framework/go.sum.txt");

/// What it requires else: nothing, so that the author's version is the one.
const GO_MOD_ALONE: &str = "module coracle.invalid/function\n\ngo 1.21\n";

/// The program for a handler that the author's package registers; `FUNCTION_TARGET` chooses it.
const REGISTERED: &str = "\t_ \"{{package}}\"\n";

/// Answers the files of the program, and of the workspace that it shares with the author's modules.
pub(super) fn inputs(project: &Project, module: &Module, handler: &Handler, folder: &str) -> Vec<Input> {
    let is_required = project.modules.iter().any(|module| module.file.requires(MODULE));
    let (go_mod, go_sum) = if is_required {
        (GO_MOD_ALONE, "")
    } else {
        (GO_MOD, GO_SUM)
    };
    [
        ("main.go", main(&package::import_path(module, folder), handler)),
        ("go.mod", go_mod.to_owned()),
        ("go.sum", go_sum.to_owned()),
        ("go.work", workspace(project, module)),
    ]
    .map(|(name, contents)| Input::Text {
        contents,
        to: format!("{FOLDER}/{name}"),
    })
    .into()
}

fn main(package: &str, handler: &Handler) -> String {
    let name = &handler.name;
    let (imports, registration) = match (handler.is_registered, handler.event) {
        (true, _) => (REGISTERED.replace("{{package}}", package), String::new()),
        (false, event) => {
            let register = match event {
                Event::Http | Event::Typed => "HTTP",
                Event::Cloud => "CloudEvent",
            };
            (
                format!("\tfunction \"{package}\"\n\t\"{MODULE}/functions\"\n"),
                format!("\tfunctions.{register}(\"{name}\", function.{name})\n"),
            )
        }
    };
    format!(
        "package main\n\nimport (\n\t\"log\"\n\t\"os\"\n\n{imports}\t\"{MODULE}/funcframework\"\n)\n\nfunc main() {{\n\
         {registration}\tif err := funcframework.Start(os.Getenv(\"PORT\")); err != nil {{\n\t\tlog.Fatal(err)\n\t}}\n}}\n"
    )
}

/// Answers the `go.work` of the program's module and the author's, with what the author's own says.
fn workspace(project: &Project, module: &Module) -> String {
    let own = project.workspace.as_ref();
    let stated = [Some(&module.file), own].into_iter().flatten();
    let go = stated.filter_map(|file: &ModFile| file.go.as_deref());
    let go = go.max_by_key(|version| parts(version)).unwrap_or("1.21");
    let go = if parts(go) < GO.to_vec() { "1.21" } else { go };
    let modules: Vec<&Module> = match own {
        Some(_) => project.modules.iter().collect(),
        None => vec![module],
    };
    let uses = modules
        .iter()
        .map(|module| format!("use {}\n", super::compile::staged(&module.folder)));
    let replaces = own
        .iter()
        .flat_map(|file| &file.replaces)
        .map(|replace| match replace.folder() {
            Some(folder) => {
                let folder = super::project::normalised("", folder).unwrap_or_default();
                format!("replace {} => {}\n", replace.old, super::compile::staged(&folder))
            }
            None => format!("replace {} => {}\n", replace.old, replace.new),
        });
    let lines: String = uses.chain(replaces).collect();
    format!("go {go}\n\nuse {FOLDER}\n{lines}")
}

fn parts(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
