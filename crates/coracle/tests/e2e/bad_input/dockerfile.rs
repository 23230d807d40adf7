//! Dockerfiles that fail, are interrupted, lack room, or are built several times at once.

use std::process::Output;
use std::thread;

use serde_json::Value;

use super::host::Disk;
use super::interrupted::Building;
use super::source::Source;
use crate::left::Keepers;
use crate::machine::Machine;

fn folder(dockerfile: &str) -> Source {
    Source::of(&[("Dockerfile", dockerfile)])
}

fn build(machine: &Machine, source: &Source, more: &[&str]) -> Output {
    let arguments = [&["build", source.argument()], more].concat();
    machine.with_bases(&arguments).output().unwrap()
}

/// Builds what must fail with exit code `code`; answers the error.
fn fails(code: i32, machine: &Machine, source: &Source) -> String {
    let output = build(machine, source, &["--quiet"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

fn succeeds(machine: &Machine, source: &Source) -> Value {
    let output = build(machine, source, &["--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn left_in_scratch(machine: &Machine) -> Vec<std::path::PathBuf> {
    let scratch = fs_err::read_dir(machine.data().join("store/scratch")).unwrap();
    scratch.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_command_that_is_interrupted_or_killed_leaves_nothing_and_the_next_build_works() {
    let machine = Machine::empty();
    let source = folder("FROM busybox\nRUN --mount=type=cache,target=/c echo under way && sleep 600\n");
    for (signal, code) in [("INT", Some(75)), ("KILL", None)] {
        let command = machine.with_bases(&["build", source.argument()]);
        let building = Building::start(command).until("| under way");
        let keepers = Keepers::of(&machine);
        let (status, said) = building.signalled(signal);
        keepers.leave_nothing();
        assert_eq!(status.code(), code, "{said}");
    }
    source.write(
        "Dockerfile",
        "FROM busybox\nRUN --mount=type=cache,target=/c ls /c\n",
    );
    succeeds(&machine, &source);
    assert_eq!(left_in_scratch(&machine), Vec::<std::path::PathBuf>::new());
}

#[test]
fn what_builds_at_once_have_in_common_is_done_once() {
    let machine = Machine::empty();
    let text = "FROM busybox\nRUN head -c 16 /dev/urandom > /drawn\nCOPY own /own\n";
    let (one, other) = (folder(text), folder(text));
    one.write("own", "one");
    other.write("own", "other");
    let reports: Vec<Value> = thread::scope(|scope| {
        let builds = [&one, &one, &other].map(|source| scope.spawn(|| succeeds(&machine, source)));
        builds.map(|build| build.join().unwrap()).into()
    });
    let drawn = |report: &Value| report["layers"][1]["digest"].clone();
    assert_eq!(reports[0]["digest"], reports[1]["digest"]);
    assert_ne!(reports[0]["digest"], reports[2]["digest"]);
    assert_eq!(drawn(&reports[0]), drawn(&reports[2]));
}

#[test]
fn a_full_disk_is_told_leaves_nothing_and_the_next_build_works() {
    let disk = Disk::of("40m");
    let machine = Machine::at(disk.path());
    let source = folder("FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=60\n");
    source.write("big", &"x".repeat(60 << 20));
    let written = fails(75, &machine, &source);
    source.write("Dockerfile", "FROM busybox\nCOPY big /big\n");
    let copied = fails(75, &machine, &source);
    for said in [written, copied] {
        assert!(said.to_lowercase().contains("no space"), "{said}");
        assert!(said.contains("hint: `coracle cache gc`"), "{said}");
    }
    source.write("Dockerfile", "FROM busybox\nRUN echo small > /small\n");
    succeeds(&machine, &source);
    assert_eq!(left_in_scratch(&machine), Vec::<std::path::PathBuf>::new());
}

#[test]
fn errors_name_the_line_why_and_what_to_do() {
    let machine = Machine::empty();
    for (dockerfile, parts) in [
        (
            "FROM scratch\nCOPY Dockerfile /x\nRUN echo hi\n",
            [
                "line 3: RUN echo hi failed",
                "hint: without a shell only the form `RUN [",
            ],
        ),
        (
            "FROM busybox\nUSER nobdy\nRUN id\n",
            [
                "`nobdy` is not in the image's `/etc/passwd`",
                "hint: make the user in a RUN before USER",
            ],
        ),
        (
            "FROM busybox\nRUN --mount=type=secret,id=npm,required=true true\n",
            ["the secret `npm` was not given", "--secret id=npm,src=FILE"],
        ),
        (
            "FROM busybox\nRUM true\n",
            [
                "error: `Dockerfile`, line 2: unknown instruction `RUM`",
                "> 2 | RUM true",
            ],
        ),
    ] {
        let said = fails(1, &machine, &folder(dockerfile));
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
}
