//! The image that all run, as each wants it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use coracle_peers::{Engine, checked};
use serde_json::Value;

use crate::docker;
use crate::program::{Coracle, repository};

/// The function whose instances end soon.
pub(super) const SLEEPY: &str = "plain-server";
/// The function whose instances are frozen soon.
pub(super) const FROZEN: &str = "frozen-server";

/// The image and what it says.
pub(super) struct Image {
    /// The folder of [`SLEEPY`].
    pub(super) sleepy: PathBuf,
    /// The folder of [`FROZEN`].
    pub(super) frozen: PathBuf,
    /// Its name in the engine.
    pub(super) name: String,
    /// Its root file system.
    pub(super) root: PathBuf,
    pub(super) command: Vec<String>,
    /// `NAME=value` each.
    pub(super) env: Vec<String>,
    pub(super) cwd: String,
}

impl Image {
    pub(super) fn build(coracle: &Coracle, engine: &Engine, scratch: &Path) -> Result<Self> {
        let sleepy = folder(scratch, SLEEPY, "scale: {idle: 1s}\n")?;
        let frozen = folder(scratch, FROZEN, "scale: {freeze: 1s, idle: 1h}\n")?;
        let name = docker::load(engine, coracle, &sleepy, &scratch.join("plain.tar"))?;
        coracle.run(&["build".as_ref(), frozen.as_os_str()])?;
        let root = scratch.join("root");
        unpack(engine, &name, scratch, &root)?;
        let config: Value =
            serde_json::from_str(&engine.call(&["inspect", "--format", "{{json .Config}}", &name])?)?;
        let words = |key: &str| -> Vec<String> {
            let list = config[key].as_array().into_iter().flatten();
            list.filter_map(|word| word.as_str().map(str::to_owned)).collect()
        };
        Ok(Self {
            sleepy,
            frozen,
            name,
            root,
            command: [words("Entrypoint"), words("Cmd")].concat(),
            env: words("Env"),
            cwd: config["WorkingDir"].as_str().unwrap_or("/").to_owned(),
        })
    }
}

/// Copies the example under another name, with more in its manifest.
fn folder(scratch: &Path, name: &str, more: &str) -> Result<PathBuf> {
    let folder = scratch.join(name);
    checked(
        Command::new("cp")
            .arg("-r")
            .arg(repository("examples/plain-server"))
            .arg(&folder),
    )?;
    let path = folder.join("coracle.yaml");
    let text = fs_err::read_to_string(&path)?;
    let text = text.replace(&format!("name: {SLEEPY}\n"), &format!("name: {name}\n"));
    fs_err::write(path, text + more)?;
    Ok(folder)
}

fn unpack(engine: &Engine, image: &str, scratch: &Path, root: &Path) -> Result<()> {
    let (id, archive) = (engine.call(&["create", image])?, scratch.join("root.tar"));
    engine.call(&["export", "--output", &archive.to_string_lossy(), id.trim()])?;
    fs_err::create_dir_all(root)?;
    checked(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(root))?;
    engine.call(&["rm", id.trim()]).map(drop)
}
