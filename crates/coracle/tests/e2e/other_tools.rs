//! What other programs make of an exported image: skopeo reads it, podman and Docker run it.
//!
//! They run Python in the image, which asks the handler itself: no port and no waiting for one.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::{Machine, copy_of, signal};

/// How long Docker's server may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks the handler of `hello-python` in the image.
const ASK: &str = "import functions_framework; \
    app = functions_framework.create_app('hello', '/app/main.py'); \
    print(app.test_client().get('/?name=ada').text)";

/// An image of `hello-python`, written both ways.
struct Exported {
    place: tempfile::TempDir,
}

impl Exported {
    fn new() -> Self {
        let exported = Self {
            place: tempfile::tempdir().unwrap(),
        };
        let copy = copy_of("hello-python");
        let folder = copy.path().join("hello-python");
        let (archive, layout) = (exported.archive(), exported.layout());
        let build = [
            "build",
            folder.to_str().unwrap(),
            "--output",
            &archive,
            "--output",
            &layout,
        ];
        Machine::shared().succeed(&build);
        exported
    }

    fn archive(&self) -> String {
        format!("oci-archive:{}", self.file().display())
    }

    fn layout(&self) -> String {
        format!("oci:{}", self.place.path().join("layout").display())
    }

    fn file(&self) -> PathBuf {
        self.place.path().join("image.tar")
    }
}

/// Runs a program that `cargo xtask test` installs; answers its output.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("`cargo xtask test` installs {program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn skopeo_reads_the_layout_and_the_archive_in_both_formats() {
    let image = Exported::new();
    let docker = format!("docker-archive:{}", image.file().display());
    for place in [image.archive(), image.layout(), docker] {
        let seen: Value = serde_json::from_str(&run("skopeo", &["inspect", &place])).unwrap();
        assert_eq!(seen["Os"], "linux", "{place}");
        assert!(!seen["Layers"].as_array().unwrap().is_empty(), "{place}");
    }
}

#[test]
fn podman_runs_the_archive() {
    let image = Exported::new();
    let state = tempfile::tempdir().unwrap();
    let (root, run_root) = (state.path().join("root"), state.path().join("run"));
    let answer = run(
        "podman",
        &[
            "--root",
            root.to_str().unwrap(),
            "--runroot",
            run_root.to_str().unwrap(),
            "--storage-driver=vfs",
            "--cgroup-manager=cgroupfs",
            "run",
            "--rm",
            "--network=none",
            // More than this host's own limit is refused.
            "--ulimit=nofile=1024:1024",
            "--ulimit=nproc=1024:1024",
            "--entrypoint=python3",
            &image.archive(),
            "-c",
            ASK,
        ],
    );
    assert_eq!(answer.trim(), "Hello, ada!");
}

#[test]
fn docker_loads_and_runs_the_archive() {
    let image = Exported::new();
    let docker = Docker::start();
    let loaded = docker.ask("POST", "/images/load", &fs_err::read(image.file()).unwrap());
    assert!(String::from_utf8_lossy(&loaded).contains("Loaded image: hello-python:latest"));
    let container = json!({
        "Image": "hello-python",
        "Entrypoint": ["python3"],
        "Cmd": ["-c", ASK],
        "Tty": true,
        "HostConfig": {"NetworkMode": "none"},
    });
    let created = docker.ask("POST", "/containers/create", container.to_string().as_bytes());
    let created: Value = serde_json::from_slice(&created).unwrap();
    let id = created["Id"].as_str().unwrap();
    docker.ask("POST", &format!("/containers/{id}/start"), b"");
    docker.ask("POST", &format!("/containers/{id}/wait"), b"");
    let printed = docker.ask("GET", &format!("/containers/{id}/logs?stdout=1"), b"");
    assert_eq!(String::from_utf8(printed).unwrap().trim(), "Hello, ada!");
}

/// Docker's server, with everything it has in a directory of the test's.
struct Docker {
    server: Child,
    state: tempfile::TempDir,
}

impl Docker {
    fn start() -> Self {
        let state = tempfile::tempdir().unwrap();
        let ready = UnixDatagram::bind(state.path().join("ready")).unwrap();
        let path = |name: &str| state.path().join(name);
        let server = Command::new("dockerd")
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .arg(format!("--host=unix://{}", path("socket").display()))
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
            .env("NOTIFY_SOCKET", path("ready"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`cargo xtask test` installs docker.io");
        wait_for(&ready);
        Self { server, state }
    }

    /// Sends a request to Docker's Engine API, which must succeed; answers the body.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let socket: &Path = &self.state.path().join("socket");
        let mut stream = UnixStream::connect(socket).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let body = answer.split_off(end + 4);
        let said = String::from_utf8_lossy(&body);
        assert!(
            head.split(' ').nth(1).unwrap().starts_with('2'),
            "{method} {path}: {head} {said}"
        );
        body
    }
}

/// Waits for the message of `sd_notify(3)` that says that the server is up.
fn wait_for(ready: &UnixDatagram) {
    ready.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut message = [0; 256];
    loop {
        let length = ready.recv(&mut message).expect("Docker's server starts");
        if String::from_utf8_lossy(&message[..length]).contains("READY=1") {
            return;
        }
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        signal(self.server.id(), "TERM");
        let _ = self.server.wait();
    }
}
