//! What each chore does.

use std::path::{Path, PathBuf};

use anyhow::Result;
use coracle_peers::buildkit::Programs;
use coracle_peers::conformance::suite;
use coracle_peers::go_sdk::client;

use crate::command::{cargo, run};
use crate::{arrows, licences, metadata, packages};

/// Runs every test. `arguments` go to `cargo test`, for those who look for one.
pub(crate) fn test(arguments: &[String]) -> Result<()> {
    packages::install(packages::FOR_TESTS)?;
    let buildkit = Programs::pinned()?;
    eprintln!(
        "BuildKit {} is at `{}`",
        buildkit.version(),
        buildkit.folder().display()
    );
    eprintln!("the registry's conformance suite is at `{}`", suite()?.display());
    eprintln!("the client of the Go SDK is at `{}`", client()?.display());
    let mut all = vec!["test", "--workspace", "--locked", "--no-fail-fast"];
    all.extend(arguments.iter().map(String::as_str));
    cargo(&all, &[])
}

/// Records what BuildKit makes of the cases whose names have one of `parts` in them, or of all.
pub(crate) fn dockerfiles(parts: &[String]) -> Result<()> {
    packages::install(packages::FOR_TESTS)?;
    let stand_ins = metadata::read()?.target_directory.join("tmp/stand-ins");
    let stand_ins = stand_ins.to_string_lossy();
    let suite = ["run", "--locked", "--package", "coracle-dockerfile-suite", "--"];
    let mut all = vec![&*stand_ins];
    all.extend(parts.iter().map(String::as_str));
    cargo(&[&suite[..], &all].concat(), &[])
}

/// Measures the program beside its peers: in `parts`, or in everything.
pub(crate) fn bench(parts: &[String]) -> Result<()> {
    packages::install(packages::FOR_BENCHMARKS)?;
    cargo(
        &[
            "build",
            "--release",
            "--locked",
            "--package",
            "coracle",
            "--package",
            "coracle-benches",
        ],
        &[],
    )?;
    let release = metadata::read()?.target_directory.join("release");
    let (benches, program) = (release.join("coracle-benches"), release.join("coracle"));
    let program = program.to_string_lossy();
    let mut arguments = vec![&*program];
    arguments.extend(parts.iter().map(String::as_str));
    run(&benches.to_string_lossy(), &arguments, &[])
}

/// Makes a package of the program, or of one that was built before, with `make`, and says where it is.
pub(crate) fn package(program: Option<&String>, make: fn(&Path, &Path) -> Result<PathBuf>) -> Result<()> {
    let to = metadata::read()?.target_directory.join("packages");
    fs_err::create_dir_all(&to)?;
    let program = match program {
        Some(program) => PathBuf::from(program),
        None => distributed()?,
    };
    let package = make(&program, &to)?;
    eprintln!("made `{}`", package.display());
    Ok(())
}

/// Builds the program as packages carry it.
fn distributed() -> Result<PathBuf> {
    cargo(
        &["build", "--profile", "dist", "--locked", "--package", "coracle"],
        &[],
    )?;
    Ok(metadata::read()?.target_directory.join("dist/coracle"))
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
    // What runs where there are no sandboxes: the commands that talk to a server.
    cargo(
        &[
            "check",
            "--package",
            "coracle",
            "--no-default-features",
            "--locked",
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
        &[("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links")],
    )?;
    licences::check()?;
    arrows::check()
}
