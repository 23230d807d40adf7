//! `coracle build`.

use std::thread;

use serde_json::Value;

use crate::machine::{Machine, copy_folder, signal};
use crate::project::{Project, SERVER};
use crate::runs::Runs;

fn built(machine: &Machine, arguments: &[&str]) -> Value {
    let arguments = [&["build", "--json"], arguments].concat();
    serde_json::from_str(&machine.succeed(&arguments)).unwrap()
}

#[test]
fn the_report_names_the_image_its_layers_and_its_steps() {
    let (machine, project) = (Machine::with_shared_store(), Project::server());
    let report = built(&machine, &[&project.dir(), "--tag", "team/boat:1"]);
    assert_eq!(report["image"], "team/boat:1");
    assert!(
        report["digest"].as_str().unwrap().starts_with("sha256:"),
        "{report}"
    );
    let layers = report["layers"].as_array().unwrap();
    let size: u64 = layers.iter().map(|layer| layer["size"].as_u64().unwrap()).sum();
    assert!(
        report["size"].as_u64().unwrap() > size,
        "the size is that of all blobs"
    );
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.len() >= 2, "{report}");
    assert!(
        steps
            .iter()
            .all(|step| step["cached"].is_boolean() && step["ms"].is_u64()),
        "{report}"
    );
}

#[test]
fn an_unchanged_folder_is_not_built_again_and_a_changed_one_only_in_part() {
    let (machine, project) = (Machine::with_shared_store(), Project::server());
    // Nothing else has built this very application.
    project.write("server.py", &format!("{SERVER}# {}\n", project.dir()));
    let first = built(&machine, &[&project.dir()]);
    let again = built(&machine, &[&project.dir()]);
    assert_eq!(again["digest"], first["digest"]);
    assert!(cached(&again).all(|(_, cached)| cached), "{again}");
    project.write("server.py", &format!("{SERVER}# {} changed\n", project.dir()));
    let changed = built(&machine, &[&project.dir()]);
    assert_ne!(changed["digest"], first["digest"]);
    let anew: Vec<&str> = cached(&changed)
        .filter(|(_, cached)| !cached)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(anew, ["application"]);
}

fn cached(report: &Value) -> impl Iterator<Item = (&str, bool)> {
    let steps = report["steps"].as_array().unwrap().iter();
    steps.map(|step| (step["id"].as_str().unwrap(), step["cached"].as_bool().unwrap()))
}

#[test]
fn the_same_folder_at_two_places_on_two_machines_gives_one_digest() {
    let project = Project::of(&[
        ("main.py", "from flask import Flask\n\napp = Flask(__name__)\n"),
        ("requirements.txt", "flask==3.1.3\n"),
    ]);
    let first = built(&Machine::empty(), &[&project.dir()]);
    // With the lock file that the first build wrote: Debian may have published something meanwhile.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("project");
    copy_folder(&project.path(), &copy);
    let second = built(&Machine::empty(), &[copy.to_str().unwrap(), "--locked"]);
    assert_eq!(first["digest"], second["digest"]);
}

#[test]
fn two_builds_at_once_on_one_data_directory_give_one_digest() {
    let (machine, project) = (Machine::empty(), Project::server());
    let digests: Vec<Value> = thread::scope(|scope| {
        let builds = [0, 1].map(|_| scope.spawn(|| built(&machine, &[&project.dir()])["digest"].take()));
        builds.into_iter().map(|build| build.join().unwrap()).collect()
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_lock_file_is_needed_with_locked_and_written_without() {
    let (machine, project) = (Machine::with_shared_store(), Project::server());
    let talk = machine.fail(1, &["build", &project.dir(), "--locked"]);
    assert!(talk.contains("error: `coracle.lock` does not pin"), "{talk}");
    assert!(talk.contains("hint: build once without `--locked`"), "{talk}");
    let first = built(&machine, &[&project.dir()]);
    assert!(project.path().join("coracle.lock").exists());
    assert_eq!(
        built(&machine, &[&project.dir(), "--locked"])["digest"],
        first["digest"]
    );
}

#[test]
fn a_build_that_is_killed_leaves_nothing_in_the_way_of_the_next() {
    let (machine, project) = (Machine::empty(), Project::server());
    for name in ["INT", "KILL"] {
        let mut build = machine.command(&["build", &project.dir()]);
        let mut build = build.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut talk = std::io::BufReader::new(build.stderr.take().unwrap());
        // The first step has begun.
        std::io::BufRead::read_line(&mut talk, &mut String::new()).unwrap();
        signal(build.id(), name);
        std::io::copy(&mut talk, &mut std::io::sink()).unwrap();
        assert!(!build.wait().unwrap().success());
    }
    assert!(!project.path().join("coracle.lock").exists());
    built(&machine, &[&project.dir()]);
}
