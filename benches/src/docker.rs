//! The peers: a Docker Engine of the benchmark's own, and runc.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use coracle_peers::{Engine, checked};

use crate::program::Coracle;

/// Builds a folder with the program and loads the image; answers its name in the engine.
pub(crate) fn load(engine: &Engine, coracle: &Coracle, folder: &Path, archive: &Path) -> Result<String> {
    let output = format!("oci-archive:{}", archive.display());
    coracle.run(&[
        "build".as_ref(),
        folder.as_os_str(),
        "--output".as_ref(),
        output.as_ref(),
    ])?;
    let loaded = engine.call(&["load", "--quiet", "--input", &archive.to_string_lossy()])?;
    let name = loaded.trim().rsplit(' ').next().context("no image was loaded")?;
    Ok(name.to_owned())
}

pub(crate) fn runc_version() -> Result<String> {
    let text = checked(Command::new("runc").arg("--version"))?;
    Ok(text.lines().next().unwrap_or_default().replace("version ", ""))
}
