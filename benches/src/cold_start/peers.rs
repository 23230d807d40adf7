//! The peers: the bare program, runc and Docker, each with everything ready but what is measured.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::image::Image;
use crate::http::first_byte;
use crate::sample::timed;
use coracle_peers::{Engine, checked};

/// Where their servers listen, on the host's own loopback.
const PORT: u16 = 18_080;
/// The container of Docker's and of runc's.
const NAME: &str = "bench";

pub(super) struct Peers<'a> {
    image: &'a Image,
    engine: &'a Engine,
    bundle: PathBuf,
    /// `NAME=value` each, with the port.
    env: Vec<String>,
}

impl<'a> Peers<'a> {
    pub(super) fn new(image: &'a Image, engine: &'a Engine, scratch: &Path) -> Result<Self> {
        let mut env = image.env.clone();
        env.retain(|variable| !variable.starts_with("PORT="));
        env.push(format!("PORT={PORT}"));
        let peers = Self {
            image,
            engine,
            bundle: scratch.join("bundle"),
            env,
        };
        peers.write_bundle()?;
        Ok(peers)
    }

    /// Runs the program in a `chroot`.
    pub(super) fn bare(&self) -> Result<Duration> {
        let variables = self.env.iter().filter_map(|variable| variable.split_once('='));
        let mut command = Command::new("/usr/sbin/chroot");
        command
            .arg(&self.image.root)
            .args(&self.image.command)
            .env_clear()
            .envs(variables);
        start(&mut command)
    }

    pub(super) fn runc_run(&self) -> Result<Duration> {
        let took = start(&mut self.runc(&["run", NAME]));
        self.delete_runc();
        took
    }

    pub(super) fn runc_start(&self) -> Result<Duration> {
        let created = quiet(&mut self.runc(&["create", NAME])).status()?;
        ensure!(created.success(), "runc creates no container");
        let took = start(&mut self.runc(&["start", NAME]));
        self.delete_runc();
        took
    }

    pub(super) fn docker_run(&self) -> Result<Duration> {
        let took = start(&mut self.with_settings(&["run", "--rm"]));
        self.delete_docker();
        took
    }

    pub(super) fn docker_start(&self) -> Result<Duration> {
        checked(&mut self.with_settings(&["create"]))?;
        let took = start(&mut self.engine.docker(&["start", NAME]));
        self.delete_docker();
        took
    }

    fn runc(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("runc");
        command.args(arguments).current_dir(&self.bundle);
        command
    }

    fn delete_runc(&self) {
        let _ = quiet(&mut self.runc(&["delete", "--force", NAME])).status();
    }

    /// Prepares a call that makes a container.
    fn with_settings(&self, verb: &[&str]) -> Command {
        let mut command = self.engine.docker(verb);
        command.args(["--name", NAME, "--network", "host", "--env"]);
        command.arg(format!("PORT={PORT}")).arg(&self.image.name);
        command
    }

    fn delete_docker(&self) {
        let _ = quiet(&mut self.engine.docker(&["rm", "--force", NAME])).status();
    }

    fn write_bundle(&self) -> Result<()> {
        fs_err::create_dir_all(&self.bundle)?;
        checked(Command::new("runc").arg("spec").current_dir(&self.bundle))?;
        let path = self.bundle.join("config.json");
        let mut spec: Value = serde_json::from_slice(&fs_err::read(&path)?)?;
        spec["process"]["terminal"] = json!(false);
        spec["process"]["args"] = json!(self.image.command);
        spec["process"]["env"] = json!(self.env);
        spec["process"]["cwd"] = json!(self.image.cwd);
        spec["root"] = json!({"path": self.image.root, "readonly": false});
        if let Some(namespaces) = spec["linux"]["namespaces"].as_array_mut() {
            namespaces.retain(|namespace| namespace["type"] != "network");
        }
        Ok(fs_err::write(&path, serde_json::to_vec(&spec)?)?)
    }
}

/// Runs what starts the server; answers how long the first answer took. Ends the process that was run, not what it may
/// have left running.
fn start(command: &mut Command) -> Result<Duration> {
    let mut child: Option<Child> = None;
    let took = timed(|| {
        child = Some(quiet(command).spawn()?);
        first_byte(SocketAddr::from(([127, 0, 0, 1], PORT)), "/")
    });
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
    took
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}
