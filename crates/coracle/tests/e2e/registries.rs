//! Images between machines: a registry that asks for a password, and a Docker Engine.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::process::{Output, Stdio};

use coracle_peers::Engine;
use coracle_peers::registry::{Options, Registry};
use serde_json::Value;

use crate::machine::{Machine, signal};

/// A user on a machine of their own.
struct User {
    machine: Machine,
    home: tempfile::TempDir,
}

impl User {
    fn new() -> Self {
        Self {
            machine: Machine::empty(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs the program with something on its stdin.
    fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        self.run_with(arguments, stdin, &[])
    }

    fn run_with(&self, arguments: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Output {
        let mut child = self
            .machine
            .command(arguments)
            .env("HOME", self.home.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who does not read it ends before it is written.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn does(&self, arguments: &[&str]) -> String {
        said(&self.run(arguments, ""))
    }

    fn asks(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.does(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn logs_in(&self, registry: &Registry, password: &str) -> Output {
        let login = [
            "registry",
            "login",
            registry.host(),
            "-u",
            "ada",
            "--password-stdin",
        ];
        self.run(&login, password)
    }
}

fn said(output: &Output) -> String {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {talk}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder whose image takes a moment to build.
fn boat() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(
        folder.path().join("Dockerfile"),
        "FROM scratch\nCOPY boat /boat\nENV NAME=boat\nCMD [\"/boat\"]\n",
    )
    .unwrap();
    fs_err::write(folder.path().join("boat"), "afloat\n").unwrap();
    folder
}

#[test]
fn an_image_goes_from_one_machine_to_another_through_a_registry_with_a_password() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::start(
        scratch.path(),
        Options {
            asks: true,
            tls: None,
        },
    )
    .unwrap();
    let (here, there, boat) = (User::new(), User::new(), boat());
    let (one, two) = (
        format!("{}/team/boat:1", registry.host()),
        format!("{}/team/boat", registry.host()),
    );
    let folder = boat.path().to_str().unwrap();
    let build = ["build", folder, "--tag", &one, "--tag", &two, "--push"];

    let refused = complaint(&here.run(&build, ""));
    assert!(
        refused.contains(&format!("coracle registry login {}", registry.host())),
        "{refused}"
    );
    let wrong = complaint(&here.logs_in(&registry, "boat"));
    assert!(wrong.contains("refuses these credentials"), "{wrong}");
    assert_eq!(here.asks(&["registry", "ls"]), serde_json::json!([]));
    said(&here.logs_in(&registry, "sesame\n"));
    assert_eq!(here.asks(&["registry", "ls"])[0]["user"], "ada");

    let report = here.asks(&build);
    let pushed = report["pushed"].as_array().unwrap();
    assert_eq!((pushed.len(), &pushed[0]["digest"]), (2, &pushed[1]["digest"]));
    let names = here.asks(&["image", "ls"]);
    assert_eq!(names.as_array().unwrap().len(), 2, "{names}");

    assert!(complaint(&there.run(&["image", "pull", &one], "")).contains("refuses anonymous access"));
    said(&there.logs_in(&registry, "sesame"));
    let pulled = there.asks(&["image", "pull", &two]);
    assert_eq!(pulled["digest"], pushed[0]["digest"]);
    let inspected = there.asks(&["image", "inspect", &two]);
    assert_eq!(inspected["images"][0]["config"]["config"]["Env"][1], "NAME=boat");
    let again = there.asks(&[
        "image",
        "push",
        &two,
        &format!("{}/other/boat:1", registry.host()),
    ]);
    assert_eq!(again["blobs"]["mounted"], 2, "{again}");
    let archive = scratch.path().join("boat.tar");
    let to = format!("docker-archive:{}", archive.display());
    there.does(&["image", "export", &two, &to]);
    assert!(archive.is_file());

    there.does(&["image", "rm", &two]);
    assert!(complaint(&there.run(&["image", "rm", &two], "")).contains("coracle image ls"));
    there.does(&["registry", "rm", registry.host()]);
    there.does(&["cache", "gc", "--all"]);
    assert!(
        complaint(&there.run(&["image", "inspect", pulled["digest"].as_str().unwrap()], ""))
            .contains("no image")
    );
    let missing = complaint(&here.run(&["image", "pull", &format!("{one}.1")], ""));
    assert!(missing.contains("is not in the registry"), "{missing}");
}

#[test]
fn an_image_is_loaded_into_a_docker_engine_under_each_of_its_names() {
    let scratch = tempfile::Builder::new().prefix("e").tempdir().unwrap();
    let engine = Engine::start(scratch.path()).unwrap();
    let (user, boat) = (User::new(), boat());
    let address = format!("unix://{}", engine.socket().display());
    let folder = boat.path().to_str().unwrap();
    let build = [
        "build",
        folder,
        "--tag",
        "boat:1",
        "--tag",
        "team/ship:2",
        "--output",
        "docker",
    ];
    said(&user.run_with(&build, "", &[("DOCKER_HOST", &address)]));
    let ids = |name: &str| {
        engine
            .call(&["image", "inspect", "--format", "{{.Id}} {{.Config.Cmd}}", name])
            .unwrap()
    };
    assert_eq!(ids("boat:1"), ids("team/ship:2"));
    assert!(ids("boat:1").trim().ends_with("[/boat]"));
    let nowhere = user.run_with(&build, "", &[("DOCKER_HOST", "unix:///nowhere.sock")]);
    assert_eq!(nowhere.status.code(), Some(75));
}

#[test]
fn ctrl_c_ends_waiting_for_an_engine_that_says_nothing() {
    let (machine, boat) = (Machine::empty(), boat());
    let scratch = tempfile::Builder::new().prefix("e").tempdir().unwrap();
    let socket = scratch.path().join("engine.sock");
    let engine = UnixListener::bind(&socket).unwrap();
    let folder = boat.path().to_str().unwrap();
    let build = machine
        .command(&["build", folder, "--tag", "boat:1", "--output", "docker"])
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _connection = engine.accept().unwrap();
    signal(build.id(), "INT");
    let output = build.wait_with_output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{talk}");
    assert!(talk.contains("writing to `docker` was interrupted"), "{talk}");
    machine.succeed(&["image", "inspect", "boat:1"]);
}
