//! A BuildKit that runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Programs;
use crate::daemon::Daemon;
use crate::remains::Remains;

/// What a daemon writes for each address that it listens on.
const READY: &str = "running server on ";

/// What a BuildKit is told beside where its directories are.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The text of `buildkitd.toml`.
    pub config: String,
    /// Makes it listen on a free port of loopback too, for clients with a certificate.
    pub tls: Option<Certificates>,
}

/// PEM files for mutual TLS.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// Whose certificates clients must have.
    pub ca: PathBuf,
    /// The daemon's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A BuildKit, ended when it is dropped. Commands of its builds have the host's network.
pub struct BuildKit {
    daemon: Daemon,
    programs: Programs,
    socket: PathBuf,
    listening: Option<SocketAddr>,
    // After the daemon, which leaves everything where it is when it is killed.
    _remains: Remains,
}

impl BuildKit {
    /// Starts it with all that it has beneath `scratch`.
    pub fn start(programs: Programs, scratch: &Path) -> Result<Self> {
        Self::start_with(programs, scratch, &Setup::default())
    }

    /// Starts it as `setup` says, with all that it has beneath `scratch`.
    pub fn start_with(programs: Programs, scratch: &Path, setup: &Setup) -> Result<Self> {
        let folder = scratch.join("buildkit");
        let remains = Remains::of(folder.clone())?;
        let socket = folder.join("socket");
        let config = folder.join("buildkitd.toml");
        fs_err::write(&config, &setup.config)?;
        let mut command = programs.program("buildkitd");
        command
            .arg("--config")
            .arg(config)
            .arg("--root")
            .arg(folder.join("root"))
            .arg("--addr")
            .arg(format!("unix://{}", socket.display()))
            // Daemons that start at once would take it from each other.
            .arg("--otel-socket-path")
            .arg(folder.join("otel.sock"))
            .args([
                "--containerd-worker=false",
                "--oci-worker-net=host",
                "--oci-worker-gc=false",
            ]);
        let listeners = setup.tls.as_ref().map_or(1, |tls| listen(&mut command, tls));
        let (daemon, ready) = Daemon::start(&mut command, &folder.join("log"), (READY, listeners))?;
        Ok(Self {
            daemon,
            programs,
            socket,
            listening: ready.iter().find_map(|line| address(line)),
            _remains: remains,
        })
    }

    /// Answers its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Answers where it listens for clients with certificates.
    pub fn tls_address(&self) -> Result<SocketAddr> {
        self.listening.context("it was started without certificates")
    }

    /// Answers its version.
    pub fn version(&self) -> &str {
        self.programs.version()
    }

    /// Answers what it wrote on standard error so far.
    pub fn log(&self) -> String {
        self.daemon.said()
    }

    /// Answers the id of its process.
    pub fn process(&self) -> u32 {
        self.daemon.id()
    }

    /// Prepares a call of `buildctl`.
    pub fn client(&self) -> Command {
        let mut command = self.programs.program("buildctl");
        command
            .arg("--addr")
            .arg(format!("unix://{}", self.socket.display()));
        command
    }
}

/// Adds a listener with certificates; answers how many there are then.
fn listen(command: &mut Command, tls: &Certificates) -> usize {
    command
        .args(["--addr", "tcp://127.0.0.1:0", "--tlscacert"])
        .arg(&tls.ca)
        .arg("--tlscert")
        .arg(&tls.certificate)
        .arg("--tlskey")
        .arg(&tls.key);
    2
}

/// Answers the address of loopback that a line of the log names.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(READY)?;
    let text = rest.split(['"', ' ']).next()?;
    text.parse().ok()
}
