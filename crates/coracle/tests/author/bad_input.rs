//! What goes wrong, and what its author is told.

use std::process::Command;

use crate::machine::Machine;
use crate::project::Project;
use crate::runs::Runs;

const HANDLER: &str = "import functions_framework\n\n\n@functions_framework.http\ndef hello(request):\n";

#[test]
fn a_syntax_error_reaches_its_author_as_python_tells_it() {
    let project = Project::of(&[(
        "main.py",
        &format!("{HANDLER}    return 'hello'\n\n\nboat = = 1\n"),
    )]);
    let talk = Machine::with_shared_store().fail(1, &["up", &project.dir(), "--call", "/"]);
    assert!(talk.contains("boat = = 1"), "{talk}");
    assert!(talk.contains("SyntaxError: invalid syntax"), "{talk}");
    assert!(talk.contains("did not start"), "{talk}");
}

#[test]
fn an_exception_while_answering_is_shown_and_the_answer_is_an_error() {
    let project = Project::of(&[(
        "main.py",
        &format!("{HANDLER}    raise ValueError('the boat sank')\n"),
    )]);
    let talk = Machine::with_shared_store().fail(1, &["up", &project.dir(), "--call", "/"]);
    assert!(talk.contains("ValueError: the boat sank"), "{talk}");
    assert!(talk.contains("the answer's status is 500"), "{talk}");
}

#[test]
fn a_dependency_that_does_not_exist_is_named_by_the_tool_that_looked_for_it() {
    let project = Project::of(&[
        ("main.py", &format!("{HANDLER}    return 'hello'\n")),
        ("requirements.txt", "no-such-boat-was-ever-built==1.0\n"),
    ]);
    let talk = Machine::with_shared_store().fail(1, &["build", &project.dir()]);
    assert!(
        talk.contains("No matching distribution found for no-such-boat-was-ever-built"),
        "{talk}"
    );
    assert!(talk.contains("error: install dependencies failed"), "{talk}");
}

#[test]
fn a_server_on_another_port_is_told_which_one_it_listens_on() {
    let server = "from http.server import HTTPServer, BaseHTTPRequestHandler\n\
                  if __name__ == \"__main__\":\n    HTTPServer((\"\", 3000), BaseHTTPRequestHandler).serve_forever()\n";
    let project = Project::of(&[("server.py", server), ("coracle.yaml", "health: {grace: 5s}\n")]);
    let talk = Machine::with_shared_store().fail(1, &["up", &project.dir(), "--call", "/"]);
    assert!(talk.contains("nothing listened on port 8080"), "{talk}");
    assert!(talk.contains("it listens on 3000 instead"), "{talk}");
    assert!(
        talk.contains("hint: listen on the port that `PORT` names"),
        "{talk}"
    );
}

#[test]
fn a_program_that_ends_is_told_how_it_ended() {
    let project = Project::of(&[(
        "server.py",
        "import sys\n\nif __name__ == \"__main__\":\n    sys.exit('no wind')\n",
    )]);
    let talk = Machine::with_shared_store().fail(1, &["up", &project.dir(), "--call", "/"]);
    assert!(talk.contains("it exited with code 1"), "{talk}");
    assert!(talk.contains("no wind"), "{talk}");
}

#[test]
fn a_mirror_that_is_down_is_worth_another_try() {
    let (machine, project) = (Machine::empty(), Project::server());
    let output = machine
        .command(&["build", &project.dir()])
        .env("CORACLE_DEBIAN_MIRROR", "http://127.0.0.1:1")
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(75), "{talk}");
    assert!(talk.contains("http://127.0.0.1:1/"), "{talk}");
}

#[test]
fn a_full_disk_is_named_and_what_was_there_stays() {
    let disk = SmallDisk::mount();
    let project = Project::server();
    let machine = Machine::empty();
    let mut command = machine.command(&["build", &project.dir()]);
    let output = command.env("CORACLE_DATA", disk.path()).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{talk}");
    assert!(talk.contains("No space left on device"), "{talk}");
    assert!(!project.path().join("coracle.lock").exists());
}

/// A file system too small for any base.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = ["-t", "tmpfs", "-o", "size=16m", "tmpfs"];
        let mounted = Command::new("/bin/mount")
            .args(options)
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(mounted.success(), "mounting needs root");
        Self(folder)
    }

    fn path(&self) -> &std::path::Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("/bin/umount")
            .arg("--lazy")
            .arg(self.0.path())
            .status();
    }
}
