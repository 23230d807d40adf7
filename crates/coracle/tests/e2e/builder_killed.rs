//! Builds through the Function Builder API that end in the middle: their server is killed, or their client leaves.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::function_builder::{DOCKERFILE, build_folder, prepared, recipe};
use crate::harbour::Harbour;
use crate::left::Keepers;
use crate::machine::Machine;
use crate::quay::Quay;

/// How long a build may take to end that nobody waits for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client whose build is in the middle of a step that does not end.
struct Waiting {
    client: Child,
    stream: BufReader<ChildStdout>,
}

impl Waiting {
    /// Sends a build, and waits until its step runs. The mark is put together by the step itself: the log has its command.
    fn on(harbour: &Harbour) -> Self {
        let endless = "RUN echo it has be''gun && /bin/busybox sleep 1000\n";
        let folder = folder(&format!("{DOCKERFILE}{endless}"));
        let mut client = prepared(
            harbour,
            folder.path(),
            &["-N", "-H", "Accept: application/x-ndjson"],
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
        let mut stream = BufReader::new(client.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("it has begun") {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0, "it never began");
        }
        Self { client, stream }
    }

    /// Kills the client.
    fn leaves(mut self) {
        self.client.kill().unwrap();
        self.client.wait().unwrap();
    }

    /// Waits until the client has noticed that its server is gone. It was told of no end of its build.
    fn hears_of_no_end(mut self) {
        let lines = self.stream.lines().map_while(Result::ok);
        let told = lines.filter(|line| !line.contains("in_progress"));
        assert_eq!(told.collect::<Vec<_>>(), Vec::<String>::new());
        self.client.wait().unwrap();
    }
}

/// A body's folder for an image that goes nowhere.
fn folder(dockerfile: &str) -> tempfile::TempDir {
    let folder = build_folder("", dockerfile);
    let config = folder.path().join("com.openfaas.docker.config");
    fs_err::write(config, r#"{"skipPush":true}"#).unwrap();
    folder
}

fn scratch(harbour: &Harbour) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(harbour.machine.data().join("store/scratch")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_build_leaves_nothing_and_the_next_one_builds() {
    let harbour = Harbour::on(Machine::empty());
    let waiting = Waiting::on(&harbour);
    let keepers = Keepers::of(&harbour.machine);
    let step_ends = keepers.watch_sandboxed();
    let harbour = harbour.reopen_after_kill();
    waiting.hears_of_no_end();
    step_ends();

    let answer: Value = serde_json::from_str(&recipe(&harbour, folder(DOCKERFILE).path(), &[])).unwrap();
    assert_eq!(answer["status"], "success", "{answer}");
    assert_eq!(scratch(&harbour), Vec::<PathBuf>::new());
    let _machine = harbour.close();
    keepers.leave_nothing();
}

#[test]
fn a_client_that_hangs_up_ends_the_step_that_runs() {
    let harbour = Harbour::on(Machine::empty());
    let waiting = Waiting::on(&harbour);
    let keepers = Keepers::of(&harbour.machine);
    let step_ends = keepers.watch_sandboxed();
    waiting.leaves();
    step_ends();
    let _machine = harbour.close();
    keepers.leave_nothing();
}

#[test]
fn a_build_that_ends_in_the_middle_of_a_pull_leaves_nothing_and_the_next_one_pulls() {
    for is_server_killed in [true, false] {
        let (quay, mut harbour) = (Quay::new(), Harbour::on(Machine::empty()));
        let folder = folder(&format!("FROM {}\nCOPY Dockerfile /\n", quay.image()));
        let mut client = prepared(&harbour, folder.path(), &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        quay.sluice.stands_still();
        assert!(!scratch(&harbour).is_empty());
        if is_server_killed {
            harbour = harbour.reopen_after_kill();
        } else {
            client.kill().unwrap();
            let deadline = Instant::now() + PATIENCE;
            while !scratch(&harbour).is_empty() {
                assert!(Instant::now() < deadline, "the pull goes on");
                thread::yield_now();
            }
        }
        client.wait().unwrap();
        quay.sluice.open();
        let answer: Value = serde_json::from_str(&recipe(&harbour, folder.path(), &[])).unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        assert_eq!(scratch(&harbour), Vec::<PathBuf>::new());
    }
}
