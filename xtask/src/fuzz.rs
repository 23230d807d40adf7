//! Fuzzing: each target for a while, on the stable toolchain.
//!
//! libFuzzer needs the compiler's coverage hooks, which are there on stable, and no sanitizer, which is not: code without
//! `unsafe` has little for one to find.

use std::path::Path;

use anyhow::{Context, Result};

use crate::command::cargo;

/// The targets, which are the programs of the crate in `fuzz/`.
const TARGETS: &[&str] = &["archive", "dockerfile", "manifest", "submission"];

const VERSION: &str = "0.13.2";

/// Runs each target for so many seconds; stops at the first finding, which is then in `fuzz/artifacts/`.
pub(crate) fn fuzz(seconds: &str) -> Result<()> {
    let seconds: u32 = seconds
        .parse()
        .context("expected a number of seconds for each target")?;
    cargo(&["install", "--locked", "--version", VERSION, "cargo-fuzz"], &[])?;
    for target in TARGETS {
        // What it finds on the way is written to the first folder, which is not kept.
        let found = Path::new("fuzz/found").join(target);
        fs_err::create_dir_all(&found)?;
        let (found, kept) = (found.to_string_lossy(), format!("fuzz/corpus/{target}"));
        let time = format!("-max_total_time={seconds}");
        let run = ["fuzz", "run", "--sanitizer", "none", "--features", "libfuzzer"];
        cargo(&[&run[..], &[*target, &*found, &kept, "--", &time]].concat(), &[])?;
    }
    Ok(())
}
