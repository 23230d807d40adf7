//! Programs that chores run, printed before they run so that each can be repeated by hand.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs `program` with `arguments` and the extra environment, showing its output.
pub(crate) fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let shown = [program]
        .iter()
        .chain(arguments)
        .copied()
        .collect::<Vec<_>>()
        .join(" ");
    eprintln!("+ {shown}");
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .status()
        .with_context(|| format!("cannot run `{program}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Runs `program` with `arguments`, and answers what it prints.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{program}`"))?;
    if !output.status.success() {
        bail!("`{program} {}` failed: {}", arguments.join(" "), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{program}` prints no text"))
}

/// Asks the Cargo that compiled this program about the workspace, and answers what it prints.
pub(crate) fn cargo_output(arguments: &[&str]) -> Result<String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    output(
        env!("CARGO"),
        &[arguments, &["--locked", "--manifest-path", manifest]].concat(),
    )
}

/// Runs the Cargo that compiled this program.
pub(crate) fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    run(env!("CARGO"), arguments, environment)
}
