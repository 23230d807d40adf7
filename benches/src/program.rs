//! The program that is measured.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use coracle_peers::checked;
use serde_json::Value;

/// The program and its data directory.
pub(crate) struct Coracle {
    program: PathBuf,
    data: PathBuf,
}

impl Coracle {
    pub(crate) fn new(program: PathBuf, data: PathBuf) -> Result<Self> {
        Ok(Self {
            program: fs_err::canonicalize(program)?,
            data,
        })
    }

    /// Answers the program with a copy of its data directory, of which no server may be running.
    pub(crate) fn copy(&self, data: PathBuf) -> Result<Self> {
        checked(Command::new("cp").arg("-a").arg(&self.data).arg(&data))?;
        Ok(Self {
            program: self.program.clone(),
            data,
        })
    }

    /// Answers the program with another data directory.
    pub(crate) fn with_data(&self, data: PathBuf) -> Self {
        Self {
            program: self.program.clone(),
            data,
        }
    }

    /// Answers its data directory.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Answers the administrator's password, which the first server makes.
    pub(crate) fn password(&self) -> Result<String> {
        let text = fs_err::read_to_string(self.data.join("auth/admin-password"))?;
        Ok(text.trim().to_owned())
    }

    /// Runs the program quietly; answers what it printed.
    pub(crate) fn run(&self, arguments: &[&OsStr]) -> Result<String> {
        let output = self.command().args(arguments).output()?;
        ensure!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Builds a folder as an OCI image layout; answers the report.
    pub(crate) fn laid_out(&self, folder: &Path, layout: &Path) -> Result<Value> {
        let output = format!("oci:{}", layout.display());
        let report = self.run(&[
            "build".as_ref(),
            folder.as_os_str(),
            "--json".as_ref(),
            "--output".as_ref(),
            output.as_ref(),
        ])?;
        Ok(serde_json::from_str(&report)?)
    }

    /// Starts the platform, with this many sandboxes kept ready.
    pub(crate) fn serve(&self, spares: usize) -> Result<Server> {
        self.serve_with(spares, &[])
    }

    /// Starts the platform, with this many sandboxes kept ready and these settings.
    pub(crate) fn serve_with(&self, spares: usize, settings: &[(&str, &str)]) -> Result<Server> {
        let listen = ["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
        let spares = format!("--spares={spares}");
        let mut child = self
            .command()
            .envs(settings.iter().copied())
            .args(listen)
            .arg(spares)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut url)?;
        let address = url
            .trim()
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .parse()?;
        Ok(Server { child, address })
    }

    /// Builds a folder and runs it at `address`.
    pub(crate) fn up(&self, folder: &Path, address: SocketAddr) -> Result<Up> {
        let listen = format!("--listen={address}");
        let child = self
            .command()
            .arg("up")
            .arg(folder)
            .arg(listen)
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Up(child))
    }

    /// Prepares a quiet run of the program.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--quiet")
            .arg("--data")
            .arg(&self.data)
            .stdin(Stdio::null());
        command
    }
}

/// The platform, until it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        let _ = self.child.wait();
    }
}

/// A function that is up, until it is dropped.
pub(crate) struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-INT", &self.0.id().to_string()])
            .status();
        let _ = self.0.wait();
    }
}

/// Answers a folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
