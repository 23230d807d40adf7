//! Programs that run to their end.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Runs a command that must succeed; answers what it printed.
pub fn checked(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}
