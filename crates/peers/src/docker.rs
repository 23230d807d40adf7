//! A Docker Engine of one's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::daemon::Daemon;
use crate::program::checked;
use crate::remains::Remains;

/// The client of the distribution: it brings the engine's own BuildKit without a plugin.
const CLIENT: &str = "/usr/bin/docker";

/// A Docker Engine with directories of its own and without networks, ended when it is dropped.
pub struct Engine {
    daemon: Daemon,
    socket: PathBuf,
    // After the daemon, which leaves the namespace of the host's network mounted, also without networks of its own.
    _remains: Remains,
}

impl Engine {
    /// Starts Debian's `dockerd` with all that it has beneath `scratch`, whose path is short.
    pub fn start(scratch: &Path) -> Result<Self> {
        let folder = scratch.join("docker");
        let remains = Remains::of(folder.clone())?;
        let socket = folder.join("docker.sock");
        let mut command = Command::new("dockerd");
        command
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
            .args(["--bridge", "none", "--iptables=false", "--ip-forward=false"]);
        let (daemon, _) = Daemon::start(&mut command, &folder.join("log"), ("API listen on", 1))?;
        Ok(Self {
            daemon,
            socket,
            _remains: remains,
        })
    }

    /// Answers where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Answers what it wrote on standard error so far.
    pub fn log(&self) -> String {
        self.daemon.said()
    }

    /// Answers the id of its process.
    pub fn process(&self) -> u32 {
        self.daemon.id()
    }

    /// Prepares a call of the client.
    pub fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(CLIENT);
        command.env("DOCKER_HOST", format!("unix://{}", self.socket.display()));
        command
            .env("DOCKER_BUILDKIT", "1")
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Calls the client, which must succeed; answers what it printed.
    pub fn call(&self, arguments: &[&str]) -> Result<String> {
        checked(&mut self.docker(arguments))
    }

    /// Answers the version of the engine.
    pub fn version(&self) -> Result<String> {
        Ok(self
            .call(&["version", "--format", "{{.Server.Version}}"])?
            .trim()
            .to_owned())
    }
}
