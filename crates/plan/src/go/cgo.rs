//! Whether a program has C code, which needs a compiler to build and a C library to run.

use coracle_spec::Manifest;

use super::application::Application;
use crate::context::Context;
use crate::error::PlanError;

/// Packages with a C compiler. Naming one says that a dependency has C code, which its source alone would show.
const COMPILERS: [&str; 4] = ["build-essential", "clang", "g++", "gcc"];

/// What the Go command calls, and what it links with.
pub(super) const BUILDER: [&str; 2] = ["gcc", "libc6-dev"];

/// Answers whether the program is built with C code.
pub(super) fn is_used(context: Context<'_>, application: &Application) -> Result<bool, PlanError> {
    let why = match &application.c_code {
        Some(file) => format!("`{file}` has C code, and a C compiler writes for its own processors"),
        None if names_compiler(context.manifest) => {
            "`build.packages` names a C compiler, which writes for its own processors".to_owned()
        }
        None => return Ok(false),
    };
    if context.target.is_foreign() {
        return Err(PlanError::Foreign {
            what: why,
            target: *context.target,
            instead: format!(
                "build it on a machine with {} processors, or without C code",
                context.target.arch.name()
            ),
        });
    }
    Ok(true)
}

fn names_compiler(manifest: &Manifest) -> bool {
    let mut packages = manifest.build.packages.iter();
    packages.any(|package| COMPILERS.contains(&package.as_str()))
}
