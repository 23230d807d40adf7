//! The peers: a Docker Engine of the benchmark's own, and runc.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::program::{Coracle, checked};

/// Debian's client: it brings the engine's own BuildKit without a plugin.
const CLIENT: &str = "/usr/bin/docker";
const PATIENCE: Duration = Duration::from_mins(1);

/// A Docker Engine with directories of its own, ended when it is dropped.
pub(crate) struct Engine {
    daemon: Child,
    socket: PathBuf,
}

impl Engine {
    pub(crate) fn start(scratch: &Path) -> Result<Self> {
        let folder = scratch.join("docker");
        fs_err::create_dir_all(&folder)?;
        let socket = folder.join("docker.sock");
        let log = fs_err::File::create(folder.join("log"))?.into_file();
        let daemon = Command::new("dockerd")
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
            .args(["--bridge", "none", "--iptables=false", "--ip-forward=false"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let engine = Self { daemon, socket };
        engine.wait()?;
        Ok(engine)
    }

    fn wait(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.version().is_err() {
            ensure!(Instant::now() < deadline, "the Docker Engine does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Prepares a call of the client.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(CLIENT);
        command.env("DOCKER_HOST", format!("unix://{}", self.socket.display()));
        command
            .env("DOCKER_BUILDKIT", "1")
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Calls the client, which must succeed.
    pub(crate) fn call(&self, arguments: &[&str]) -> Result<String> {
        checked(&mut self.docker(arguments))
    }

    /// Builds a folder with the program and loads the image; answers its name in the engine.
    pub(crate) fn load(&self, coracle: &Coracle, folder: &Path, archive: &Path) -> Result<String> {
        let output = format!("oci-archive:{}", archive.display());
        coracle.run(&[
            "build".as_ref(),
            folder.as_os_str(),
            "--output".as_ref(),
            output.as_ref(),
        ])?;
        let loaded = self.call(&["load", "--quiet", "--input", &archive.to_string_lossy()])?;
        let name = loaded.trim().rsplit(' ').next().context("no image was loaded")?;
        Ok(name.to_owned())
    }

    pub(crate) fn version(&self) -> Result<String> {
        Ok(self
            .call(&["version", "--format", "{{.Server.Version}}"])?
            .trim()
            .to_owned())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
        // It leaves the namespace of the host's network mounted there, also without networks of its own.
        let _ = Command::new("umount")
            .arg(self.socket.with_file_name("exec").join("netns/default"))
            .status();
    }
}

pub(crate) fn runc_version() -> Result<String> {
    let text = checked(Command::new("runc").arg("--version"))?;
    Ok(text.lines().next().unwrap_or_default().replace("version ", ""))
}
