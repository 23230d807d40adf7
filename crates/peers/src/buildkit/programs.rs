//! The programs of a version of BuildKit.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::home::kept;
use crate::program::checked;

/// The version that tests run beside, always the same one.
pub const VERSION: &str = "v0.33.1";

const MODULE: &str = "github.com/moby/buildkit";

/// How many versions are tried, from the newest: a proxy may lack a part of the newest ones.
const TRIES: usize = 8;

/// `buildkitd` and `buildctl` of one version.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
    version: String,
}

impl Programs {
    /// Answers those that tests run beside, compiled now unless they were before.
    pub fn pinned() -> Result<Self> {
        Self::of(VERSION)
    }

    /// Answers those of the newest version that can be compiled, compiled now unless they were before.
    pub fn newest() -> Result<Self> {
        let listed = checked(Command::new("go").args(["list", "-m", "-versions", MODULE]))?;
        let releases = listed.split_whitespace().rev().filter(|word| is_release(word));
        for version in releases.take(TRIES) {
            if let Ok(programs) = Self::of(version) {
                return Ok(programs);
            }
        }
        bail!("the Go module proxy has no BuildKit that can be compiled")
    }

    fn of(version: &str) -> Result<Self> {
        let programs = Self {
            folder: kept()?.join("buildkit").join(version),
            version: version.to_owned(),
        };
        programs.make()?;
        Ok(programs)
    }

    /// Compiles them, once however many ask at the same time.
    fn make(&self) -> Result<()> {
        if self.are_there() {
            return Ok(());
        }
        fs_err::create_dir_all(&self.folder)?;
        let lock = fs_err::File::create(self.folder.join("lock"))?;
        lock.file().lock()?;
        if self.are_there() {
            return Ok(());
        }
        self.compile()
            .with_context(|| format!("cannot compile BuildKit {}", self.version))
    }

    fn are_there(&self) -> bool {
        ["buildkitd", "buildctl"]
            .iter()
            .all(|name| self.folder.join(name).exists())
    }

    fn compile(&self) -> Result<()> {
        let source = self.source()?;
        let making = self.folder.join("making");
        let mut build = Command::new("go");
        build
            .current_dir(source)
            .env("CGO_ENABLED", "0")
            .args(["build", "-trimpath", "-o"])
            .arg(format!("{}/", making.display()))
            .args(["./cmd/buildkitd", "./cmd/buildctl"]);
        fs_err::create_dir_all(&making)?;
        checked(&mut build)?;
        for name in ["buildctl", "buildkitd"] {
            fs_err::rename(making.join(name), self.folder.join(name))?;
        }
        Ok(())
    }

    fn source(&self) -> Result<PathBuf> {
        let module = format!("{MODULE}@{}", self.version);
        let told = checked(Command::new("go").args(["mod", "download", "-json", &module]))?;
        let told: Value = serde_json::from_str(&told)?;
        let source = told["Dir"].as_str().context("the module has no folder")?;
        Ok(PathBuf::from(source))
    }

    /// Answers the version, as `v0.33.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Prepares a call of one of them.
    pub(super) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command.stdin(Stdio::null());
        command
    }

    /// Answers where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn is_release(word: &str) -> bool {
    word.starts_with('v') && !word.contains('-')
}
