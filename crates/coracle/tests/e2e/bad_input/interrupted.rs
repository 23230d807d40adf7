//! Builds that are killed, given up or repeated at once, and readers that leave.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;

use super::HANDLER;
use super::source::Source;
use crate::left::Keepers;
use crate::machine::{Machine, signal};

fn with_dependencies() -> Source {
    Source::of(&[
        ("main.py", HANDLER),
        ("requirements.txt", "functions-framework==3.10.2\n"),
    ])
}

/// A build under way.
pub(super) struct Building {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Building {
    fn of(machine: &Machine, source: &Source) -> Self {
        Self::start(machine.command(&["build", source.argument()]))
    }

    /// Starts the build that is `command`.
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    /// Waits until it has said `part`.
    pub(super) fn until(mut self, part: &str) -> Self {
        let mut said = String::new();
        while !said.lines().last().is_some_and(|line| line.contains(part)) {
            assert_ne!(
                self.stderr.read_line(&mut said).unwrap(),
                0,
                "it never said {part:?}, but: {said}"
            );
        }
        self
    }

    /// Sends it a signal; answers how it ended and what it still said.
    pub(super) fn signalled(mut self, name: &str) -> (ExitStatus, String) {
        signal(self.child.id(), name);
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

/// Each round kills the build a little later; what was finished before is not done again, and the image is the same as
/// without all that.
#[test]
fn a_build_that_is_killed_again_and_again_goes_on_and_ends_with_the_same_image() {
    let (machine, source) = (Machine::empty(), with_dependencies());
    for part in ["assemble the base", "fetch uv", "compile the standard library"] {
        Building::of(&machine, &source).until(part).signalled("KILL");
    }
    for part in ["| Using Python", "| Resolved"] {
        let building = Building::of(&machine, &source).until(part);
        let keepers = Keepers::of(&machine);
        building.signalled("KILL");
        keepers.leave_nothing();
    }
    let digest = machine.succeed(&["build", source.argument(), "--quiet"]);
    let scratch = fs_err::read_dir(machine.data().join("store/scratch")).unwrap();
    let left: Vec<_> = scratch.map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    let undisturbed = Machine::shared().succeed(&["build", source.argument(), "--locked", "--quiet"]);
    assert_eq!(digest, undisturbed);
}

#[test]
fn ctrl_c_ends_a_build_cleanly_and_leaves_nothing_running() {
    let (machine, source) = (Machine::empty(), with_dependencies());
    let building = Building::of(&machine, &source).until("| Using Python");
    let keepers = Keepers::of(&machine);
    let (status, said) = building.signalled("INT");
    keepers.leave_nothing();
    assert_eq!(status.code(), Some(75), "{said}");
    let error = &said[said.find("error:").unwrap()..];
    insta::assert_snapshot!(error.trim(), @r"
    error: the build was interrupted
      hint: the next build goes on from the steps that were finished
    ");
    assert!(!source.path().join("coracle.lock").exists());
}

#[test]
fn builds_at_once_on_one_empty_data_directory_all_succeed() {
    let machine = Machine::empty();
    let (one, other) = (with_dependencies(), with_dependencies());
    other.write("more.py", "more = 1\n");
    let digests: Vec<String> = thread::scope(|scope| {
        let build = |source: &Source| machine.succeed(&["build", source.argument(), "--quiet"]);
        let builds = [&one, &one, &other].map(|source| scope.spawn(move || build(source)));
        builds.map(|build| build.join().unwrap()).into()
    });
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
}

#[test]
fn a_reader_that_leaves_after_the_first_byte_is_no_failure() {
    let source = Source::of(&[("main.py", &HANDLER.replace("'afloat'", "'afloat' * 1_000_000"))]);
    let mut command = Machine::shared().command(&["up", source.argument(), "--call", "/", "--quiet"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(first, *b"a");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success(), "{output:?}");
}
