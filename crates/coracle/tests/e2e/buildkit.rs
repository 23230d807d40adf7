//! Dockerfiles that a BuildKit builds for us: one by itself, and the one in a Docker Engine.

use std::path::Path;

use coracle_peers::Engine;
use coracle_peers::buildkit::{BuildKit, Programs};
use serde_json::Value;

use crate::machine::Machine;

/// A folder with a Dockerfile, beneath which daemons have what is theirs.
fn project() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("boat");
    fs_err::create_dir(&folder).unwrap();
    fs_err::write(folder.join("hello"), "hi").unwrap();
    let dockerfile = "FROM scratch\nARG V=1\nCOPY hello /hello\nENV V=$V\nCMD [\"/hello\"]\n";
    fs_err::write(folder.join("Dockerfile"), dockerfile).unwrap();
    place
}

fn build(machine: &Machine, place: &Path, more: &[&str]) -> Value {
    let folder = place.join("boat");
    let mut arguments = vec!["build", folder.to_str().unwrap(), "--json"];
    arguments.extend(more);
    serde_json::from_str(&machine.succeed(&arguments)).unwrap()
}

#[test]
fn a_buildkit_builds_into_the_store() {
    let (machine, place) = (Machine::empty(), project());
    let daemon = BuildKit::start(Programs::pinned().unwrap(), place.path()).unwrap();
    let address = format!("unix://{}", daemon.socket().display());
    let layout = format!("oci:{}", place.path().join("layout").display());
    let flags = [
        "--buildkit",
        &address,
        "--build-arg",
        "V=2",
        "--tag",
        "harbour.example/boat:1",
        "--output",
        &layout,
    ];
    let report = build(&machine, place.path(), &flags);
    assert_eq!(report["layers"].as_array().unwrap().len(), 1, "{report}");
    let steps = report["steps"].as_array().unwrap();
    assert!(
        steps
            .iter()
            .any(|step| step["name"].as_str().unwrap().contains("COPY hello")),
        "{report}"
    );
    let inspected = machine.succeed(&["image", "inspect", "harbour.example/boat:1", "--json"]);
    assert!(inspected.contains("V=2"), "{inspected}");
    assert!(place.path().join("layout/index.json").exists());
}

#[test]
fn a_docker_engines_own_buildkit_builds_into_the_store() {
    let (machine, place) = (Machine::empty(), project());
    let engine = Engine::start(place.path()).unwrap();
    let address = format!("docker://{}", engine.socket().display());
    let report = build(
        &machine,
        place.path(),
        &["--engine", "buildkit", "--buildkit", &address],
    );
    assert_eq!(report["layers"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(engine.call(&["images", "--quiet"]).unwrap(), "");
}

#[test]
fn what_has_no_dockerfile_and_where_no_buildkit_is_say_so() {
    let (machine, place) = (Machine::empty(), project());
    let folder = place.path().join("boat");
    let folder = folder.to_str().unwrap();
    let nowhere = format!("unix://{}", place.path().join("no.sock").display());
    let said = machine.fail(75, &["build", folder, "--buildkit", &nowhere]);
    assert!(said.contains("cannot connect to BuildKit at `unix://"), "{said}");
    assert!(said.contains("hint: start `buildkitd`"), "{said}");
    fs_err::remove_file(Path::new(folder).join("Dockerfile")).unwrap();
    let said = machine.fail(1, &["build", folder, "--buildkit", &nowhere]);
    assert!(said.contains("`boat` is built without a Dockerfile"), "{said}");
    let said = machine.fail(
        1,
        &["build", folder, "--engine", "native", "--buildkit", &nowhere],
    );
    assert!(
        said.contains("`--engine native` builds without BuildKit"),
        "{said}"
    );
}
