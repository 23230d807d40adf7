//! The peer that builds: the newest BuildKit that the Go module proxy has all parts of, with directories of its own.
//!
//! It is compiled once and kept beside the build's other results. Debian's runc is what it runs commands with.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::app::App;
use crate::program::checked;

const MODULE: &str = "github.com/moby/buildkit";
const PATIENCE: Duration = Duration::from_mins(1);

/// How many versions are tried, from the newest: a proxy may lack a part of the newest ones.
const TRIES: usize = 8;

/// The host's certificates, which the registries that commands ask may need.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The programs of a version.
pub(crate) struct Programs {
    folder: PathBuf,
    pub(crate) version: String,
}

/// A BuildKit, ended when it is dropped.
pub(crate) struct BuildKit {
    daemon: Child,
    programs: Programs,
    socket: PathBuf,
}

impl Programs {
    /// Answers the newest version that can be compiled, compiled beneath `keep` unless it was before.
    pub(crate) fn newest(keep: &Path) -> Result<Self> {
        let listed = checked(Command::new("go").args(["list", "-m", "-versions", MODULE]))?;
        let releases = listed.split_whitespace().rev().filter(|word| is_release(word));
        for version in releases.take(TRIES) {
            let programs = Self {
                folder: keep.join("buildkit").join(version),
                version: version.to_owned(),
            };
            if programs.are_there() || programs.compile().is_ok() {
                return Ok(programs);
            }
        }
        bail!("the Go module proxy has no BuildKit that can be compiled")
    }

    fn are_there(&self) -> bool {
        ["buildkitd", "buildctl"]
            .iter()
            .all(|name| self.folder.join(name).exists())
    }

    fn compile(&self) -> Result<()> {
        let module = format!("{MODULE}@{}", self.version);
        let told = checked(Command::new("go").args(["mod", "download", "-json", &module]))?;
        let told: Value = serde_json::from_str(&told)?;
        let source = told["Dir"].as_str().context("the module has no folder")?;
        fs_err::create_dir_all(&self.folder)?;
        let mut build = Command::new("go");
        build
            .current_dir(source)
            .env("CGO_ENABLED", "0")
            .args(["build", "-trimpath", "-o"])
            .arg(format!("{}/", self.folder.display()))
            .args(["./cmd/buildkitd", "./cmd/buildctl"]);
        checked(&mut build).map(drop)
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command.stdin(Stdio::null());
        command
    }
}

fn is_release(word: &str) -> bool {
    word.starts_with('v') && !word.contains('-')
}

impl BuildKit {
    pub(crate) fn start(programs: Programs, scratch: &Path) -> Result<Self> {
        let folder = scratch.join("buildkit");
        fs_err::create_dir_all(&folder)?;
        let socket = folder.join("socket");
        let log = fs_err::File::create(folder.join("log"))?.into_file();
        let daemon = programs
            .program("buildkitd")
            .arg("--config")
            .arg(folder.join("none.toml"))
            .arg("--root")
            .arg(folder.join("root"))
            .arg("--addr")
            .arg(format!("unix://{}", socket.display()))
            .args([
                "--containerd-worker=false",
                "--oci-worker-net=host",
                "--oci-worker-gc=false",
            ])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let buildkit = Self {
            daemon,
            programs,
            socket,
        };
        buildkit.wait()?;
        Ok(buildkit)
    }

    fn wait(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let workers = || self.client().args(["debug", "workers"]).output();
        while !workers()?.status.success() {
            ensure!(Instant::now() < deadline, "BuildKit does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    pub(crate) fn version(&self) -> &str {
        &self.programs.version
    }

    fn client(&self) -> Command {
        let mut command = self.programs.program("buildctl");
        command
            .arg("--addr")
            .arg(format!("unix://{}", self.socket.display()));
        command
    }

    /// Builds an image into BuildKit's own store, compressed as Coracle compresses what stays.
    pub(crate) fn build(&self, app: &App, folder: &Path) -> Result<()> {
        self.output(
            app,
            folder,
            "type=image,name=peer,oci-mediatypes=true,compression=zstd,compression-level=3",
        )
    }

    /// Builds an image into an archive for Docker, in the form that it loads soonest.
    pub(crate) fn archive(&self, app: &App, folder: &Path, archive: &Path) -> Result<()> {
        self.output(
            app,
            folder,
            &format!(
                "type=docker,name=peer,compression=uncompressed,force-compression=true,dest={}",
                archive.display()
            ),
        )
    }

    fn output(&self, app: &App, folder: &Path, output: &str) -> Result<()> {
        let mut build = self.client();
        build
            .args(["build", "--frontend", "dockerfile.v0", "--progress", "plain"])
            .arg("--local")
            .arg(format!("context={}", folder.display()))
            .arg("--local")
            .arg(format!("dockerfile={}", app.dockerfile().display()))
            .arg("--secret")
            .arg(format!("id=ca,src={CERTIFICATES}"))
            .args(["--output", output]);
        for base in app.bases() {
            base.give_to(&mut build);
        }
        checked(&mut build).map(drop)
    }
}

impl Drop for BuildKit {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
    }
}
