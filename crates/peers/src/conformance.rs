//! The conformance suite of the OCI distribution specification: compiled once from its Go module, with the sums of
//! everything in it beside this file.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::home::kept;
use crate::program::checked;

const MODULE: &str = "github.com/opencontainers/distribution-spec/conformance";

/// The newest version that the Go module proxy has.
const VERSION: &str = "v0.0.0-20231101194043-f2182352d4cc";

/// Answers the suite as a program, compiled now unless it was before. The environment tells it which registry and what
/// of it to try (its README.md).
pub fn suite() -> Result<PathBuf> {
    let folder = kept()?.join("conformance").join(VERSION);
    let program = folder.join("suite");
    fs_err::create_dir_all(&folder)?;
    let lock = fs_err::File::create(folder.join("lock"))?;
    lock.file().lock()?;
    if !program.exists() {
        fs_err::write(folder.join("go.mod"), include_str!("conformance/go.mod"))?;
        fs_err::write(folder.join("go.sum"), include_str!("conformance/go.sum"))?;
        let mut compile = Command::new("go");
        compile.current_dir(&folder).env("GOFLAGS", "-mod=readonly");
        checked(compile.args(["test", "-c", "-o", "making", MODULE]))
            .context("cannot compile the conformance suite")?;
        fs_err::rename(folder.join("making"), &program)?;
    }
    Ok(program)
}
