//! What each chore does.

use anyhow::Result;

use crate::command::cargo;
use crate::{arrows, licences, packages};

/// Runs every test. `arguments` go to `cargo test`, for those who look for one.
pub(crate) fn test(arguments: &[String]) -> Result<()> {
    packages::install()?;
    let mut all = vec!["test", "--workspace", "--locked", "--no-fail-fast"];
    all.extend(arguments.iter().map(String::as_str));
    cargo(&all, &[])
}

/// Checks everything that needs no running program.
pub(crate) fn lint() -> Result<()> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    )?;
    cargo(
        &[
            "doc",
            "--workspace",
            "--no-deps",
            "--locked",
            "--document-private-items",
        ],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    licences::check()?;
    arrows::check()
}
