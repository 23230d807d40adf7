//! From nothing running to the first byte of an answer, for a server in Python's standard library.
//!
//! The peers run the very same image: Docker with `docker run`, runc with a bundle of its root file system, and, as the
//! floor that nobody can pass, the bare program in a `chroot`. They share the host's network, which spares them the
//! bridge; Coracle's instance has a network of its own and is reached through the gateway.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::docker::Engine;
use crate::http::first_byte;
use crate::program::{Coracle, Server, checked, repository};
use crate::sample::{Sample, head, timed};

const ROUNDS: usize = 15;
const PORT: u16 = 18_080;
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn run(coracle: &Coracle, engine: &Engine, scratch: &Path) -> Result<()> {
    let image = Image::build(coracle, engine, scratch)?;
    let bare = image.bare()?;
    let runc = image.runc(scratch)?;
    let docker = image.docker(engine)?;
    let hit = ours(coracle, &image.folder, 16)?;
    let miss = ours(coracle, &image.folder, 0)?;
    head("Cold start after idle: to the first byte", "docker run");
    hit.print("coracle, through the gateway, sandbox kept ready", &docker);
    miss.print("coracle, through the gateway, nothing kept", &docker);
    runc.print("runc run", &docker);
    docker.print("docker run", &docker);
    bare.print("bare exec in a chroot", &docker);
    Ok(())
}

/// The image, as each peer wants it.
struct Image {
    folder: PathBuf,
    name: String,
    root: PathBuf,
    command: Vec<String>,
    env: Vec<String>,
    cwd: String,
}

impl Image {
    fn build(coracle: &Coracle, engine: &Engine, scratch: &Path) -> Result<Self> {
        let folder = scratch.join("plain-server");
        checked(
            Command::new("cp")
                .arg("-r")
                .arg(repository("examples/plain-server"))
                .arg(&folder),
        )?;
        idle_soon(&folder)?;
        let name = engine.load(coracle, &folder, &scratch.join("plain.tar"))?;
        let root = scratch.join("root");
        unpack(engine, &name, scratch, &root)?;
        let config: Value =
            serde_json::from_str(&engine.call(&["inspect", "--format", "{{json .Config}}", &name])?)?;
        let words = |key: &str| -> Vec<String> {
            let list = config[key].as_array().into_iter().flatten();
            list.filter_map(|word| word.as_str().map(str::to_owned)).collect()
        };
        let mut env = words("Env");
        env.push(format!("PORT={PORT}"));
        let command = [words("Entrypoint"), words("Cmd")].concat();
        let cwd = config["WorkingDir"].as_str().unwrap_or("/").to_owned();
        Ok(Self {
            folder,
            name,
            root,
            command,
            env,
            cwd,
        })
    }

    fn bare(&self) -> Result<Sample> {
        Sample::take(ROUNDS, || {
            let mut command = Command::new("/usr/sbin/chroot");
            command
                .arg(&self.root)
                .args(&self.command)
                .env_clear()
                .envs(self.variables());
            start(&mut command)
        })
    }

    fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().filter_map(|variable| variable.split_once('='))
    }

    fn runc(&self, scratch: &Path) -> Result<Sample> {
        let bundle = scratch.join("bundle");
        fs_err::create_dir_all(&bundle)?;
        checked(Command::new("runc").arg("spec").current_dir(&bundle))?;
        let path = bundle.join("config.json");
        let mut spec: Value = serde_json::from_slice(&fs_err::read(&path)?)?;
        spec["process"]["terminal"] = json!(false);
        spec["process"]["args"] = json!(self.command);
        spec["process"]["env"] = json!(self.env);
        spec["process"]["cwd"] = json!(self.cwd);
        spec["root"] = json!({"path": self.root, "readonly": false});
        if let Some(namespaces) = spec["linux"]["namespaces"].as_array_mut() {
            namespaces.retain(|namespace| namespace["type"] != "network");
        }
        fs_err::write(&path, serde_json::to_vec(&spec)?)?;
        Sample::take(ROUNDS, || {
            let took = start(Command::new("runc").args(["run", "bench"]).current_dir(&bundle));
            let _ = Command::new("runc")
                .args(["delete", "--force", "bench"])
                .stderr(Stdio::null())
                .status();
            took
        })
    }

    fn docker(&self, engine: &Engine) -> Result<Sample> {
        let port = format!("PORT={PORT}");
        let arguments = [
            "run",
            "--rm",
            "--name",
            "bench",
            "--network",
            "host",
            "--env",
            &port,
            &self.name,
        ];
        Sample::take(ROUNDS, || {
            let took = start(&mut engine.docker(&arguments));
            let _ = engine
                .docker(&["rm", "--force", "bench"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            took
        })
    }
}

/// Lets instances end soon, so that the next start is a cold one.
fn idle_soon(folder: &Path) -> Result<()> {
    let path = folder.join("coracle.yaml");
    let text = fs_err::read_to_string(&path).unwrap_or_default();
    Ok(fs_err::write(path, format!("{text}scale: {{idle: 1s}}\n"))?)
}

fn unpack(engine: &Engine, image: &str, scratch: &Path, root: &Path) -> Result<()> {
    let (id, archive) = (engine.call(&["create", image])?, scratch.join("root.tar"));
    engine.call(&["export", "--output", &archive.to_string_lossy(), id.trim()])?;
    fs_err::create_dir_all(root)?;
    checked(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(root))?;
    engine.call(&["rm", id.trim()]).map(drop)
}

/// Starts a server on the host's loopback and answers how long its first answer took; ends it afterwards.
fn start(command: &mut Command) -> Result<Duration> {
    let mut child: Option<Child> = None;
    let took = timed(|| {
        child = Some(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?,
        );
        first_byte(SocketAddr::from(([127, 0, 0, 1], PORT)), "/")
    });
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
    took
}

fn ours(coracle: &Coracle, folder: &Path, spares: usize) -> Result<Sample> {
    let server = coracle.serve(spares)?;
    coracle.run(&["deploy".as_ref(), folder.as_os_str()])?;
    Sample::take(ROUNDS, || {
        wait_for_idle(coracle)?;
        ask(&server)
    })
}

fn ask(server: &Server) -> Result<Duration> {
    timed(|| first_byte(server.address(), "/function/plain-server"))
}

/// Waits until no instance is left.
fn wait_for_idle(coracle: &Coracle) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = coracle.run(&["describe", "plain-server", "--json"].map(str::as_ref))?;
        let described: Value = serde_json::from_str(&text)?;
        let instances = described["instances"]
            .as_array()
            .context("no instances are listed")?;
        if instances.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "instances do not end: {described}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
