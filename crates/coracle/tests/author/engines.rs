//! Other tools for images, each with directories of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What hosts without the right to raise limits accept.
const LIMITS: [&str; 6] = [
    "--network",
    "none",
    "--ulimit",
    "nofile=1024:1024",
    "--ulimit",
    "nproc=1024:1024",
];

fn call(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.unwrap_or_else(|error| panic!("{shown}: {error}; `cargo xtask packages` installs it"));
    assert!(
        output.status.success(),
        "{shown}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Answers what skopeo says.
pub(crate) fn skopeo(arguments: &[&str]) -> Value {
    serde_json::from_str(&call(Command::new("skopeo").args(arguments))).unwrap()
}

/// Podman with a storage of its own.
pub(crate) struct Podman {
    storage: TempDir,
}

impl Podman {
    pub(crate) fn new() -> Self {
        Self {
            storage: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("podman");
        for folder in ["root", "runroot", "tmpdir"] {
            command
                .arg(format!("--{folder}"))
                .arg(self.storage.path().join(folder));
        }
        command.args([
            "--storage-driver",
            "vfs",
            "--cgroup-manager",
            "cgroupfs",
            "--runtime",
            "runc",
        ]);
        call(command.args(arguments))
    }

    pub(crate) fn run_image(&self, image: &str, arguments: &[&str]) -> String {
        self.call(&[&["run", "--rm"], &LIMITS[..], &[image], arguments].concat())
    }
}

/// A Docker Engine of the test's own, ended when it is dropped.
pub(crate) struct Docker {
    daemon: Child,
    folder: TempDir,
}

impl Docker {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("dockerd");
        for (flag, name) in [
            ("--data-root", "data"),
            ("--exec-root", "exec"),
            ("--pidfile", "pid"),
        ] {
            command.arg(flag).arg(folder.path().join(name));
        }
        command
            .arg("--host")
            .arg(format!("unix://{}", socket(&folder).display()));
        command.args(["--bridge", "none", "--iptables=false", "--ip-forward=false"]);
        let daemon = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut daemon =
            daemon.unwrap_or_else(|error| panic!("dockerd: {error}; `cargo xtask packages` installs it"));
        let mut said = BufReader::new(daemon.stderr.take().unwrap());
        let mut text = String::new();
        while !text.contains("API listen on") {
            let length = said.read_line(&mut text).unwrap();
            assert!(length > 0, "dockerd ended: {text}");
        }
        // It ends when nobody reads what it says.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { daemon, folder }
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> String {
        let host = format!("unix://{}", socket(&self.folder).display());
        call(Command::new("docker").env("DOCKER_HOST", host).args(arguments))
    }

    pub(crate) fn run_image(&self, image: &str, arguments: &[&str]) -> String {
        self.call(&[&["run", "--rm"], &LIMITS[..], &[image], arguments].concat())
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let _ = Command::new("/bin/kill")
            .arg(self.daemon.id().to_string())
            .status();
        let _ = self.daemon.wait();
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("docker.sock")
}
