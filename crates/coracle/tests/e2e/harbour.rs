//! A server of the platform with a data directory of its own, and users who talk to it.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::machine::{Machine, Running};
use crate::ship::Ship;

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];

/// How long a function that ended may take to serve again.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that runs, and the machine that it runs on.
pub(crate) struct Harbour {
    pub(crate) machine: Machine,
    pub(crate) server: Running,
}

impl Harbour {
    /// Starts a server that has no functions yet.
    pub(crate) fn open() -> Self {
        Self::on(Machine::with_shared_store())
    }

    /// Starts a server on a machine.
    pub(crate) fn on(machine: Machine) -> Self {
        let server = machine.start(&SERVE);
        Self { machine, server }
    }

    /// Ends the server in good order, and answers the machine.
    pub(crate) fn close(self) -> Machine {
        self.server.end();
        self.machine
    }

    /// Ends the server in good order, and starts the next one.
    pub(crate) fn reopen(self) -> Self {
        Self::on(self.close())
    }

    /// Kills the server, and starts the next one.
    pub(crate) fn reopen_after_kill(self) -> Self {
        self.server.kill();
        Self::on(self.machine)
    }

    /// Prepares a command of a user of this machine who has logged in nowhere.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.machine.command(arguments);
        command.env("XDG_CONFIG_HOME", self.machine.data().join("config"));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed, and answers what it printed on its standard output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        succeeded(&self.run(arguments), arguments)
    }

    /// Runs a command that must fail with exit code `code`, and answers what it printed on its standard error.
    pub(crate) fn fail(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let talk = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {talk}");
        talk
    }

    /// Runs a command that must succeed with `--json`, and answers what it reported.
    pub(crate) fn report(&self, arguments: &[&str]) -> Value {
        let text = self.succeed(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// Deploys a ship, and answers the report.
    pub(crate) fn deploy(&self, ship: &Ship, flags: &[&str]) -> Value {
        self.report(&[&["deploy", ship.folder()], flags].concat())
    }

    /// Asks the function `ship`, over the network, and answers the status and the body.
    pub(crate) fn ask(&self, path: &str) -> (u16, Value) {
        get(&format!("{}/function/ship{path}", self.server.url()))
    }

    /// Asks the function `ship` until it answers well: the server may still be noticing that an instance ended, or leave a
    /// function alone for a moment that has failed before.
    pub(crate) fn answer_at_last(&self) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, body) = self.ask("/");
            if status == 200 {
                return body;
            }
            assert!(matches!(status, 502 | 503), "{status}: {body}");
            assert!(Instant::now() < deadline, "it never answers again: {body}");
        }
    }

    /// Lets the function `ship` do something that is never done twice, and answers the status and the body.
    pub(crate) fn act(&self, path: &str) -> (u16, Value) {
        post(&format!("{}/function/ship{path}", self.server.url()))
    }

    /// Asks the function `ship`, which must answer well.
    pub(crate) fn answer(&self, path: &str) -> Value {
        let (status, body) = self.ask(path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

/// Answers what a command that succeeded printed.
pub(crate) fn succeeded(output: &Output, arguments: &[&str]) -> String {
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Sends a request, and answers the status and the body: what is not JSON as a string.
pub(crate) fn get(url: &str) -> (u16, Value) {
    read(agent().get(url).call())
}

/// Does what [`get`] does, with an `Authorization`.
pub(crate) fn get_as(url: &str, authorization: &str) -> (u16, Value) {
    read(agent().get(url).header("authorization", authorization).call())
}

/// Sends a request that changes something.
pub(crate) fn post(url: &str) -> (u16, Value) {
    read(agent().post(url).send_empty())
}

fn agent() -> ureq::Agent {
    let config = ureq::config::Config::builder().http_status_as_error(false);
    ureq::Agent::new_with_config(config.build())
}

fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut response = response.unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (response.status().as_u16(), body)
}
