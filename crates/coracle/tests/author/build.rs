//! `coracle build`.

use serde_json::Value;

use crate::machine::Machine;
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
