//! Folders with a Dockerfile.

use std::process::Output;

use serde_json::Value;

use crate::machine::Machine;
use crate::project::Project;

/// A user who has built nothing yet.
struct Author(Machine);

impl Author {
    fn new() -> Self {
        Self(Machine::empty())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.0.with_bases(arguments).output().unwrap()
    }

    fn does(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {talk}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn reads(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.does(&[arguments, &["--json"]].concat())).unwrap()
    }
}

#[test]
fn an_image_is_called_as_its_function_and_what_nobody_called_so_is_no_base() {
    let (author, project) = (Author::new(), Project::of(&[]));
    project.write("coracle.yaml", "name: busybox\nlabels: {team: blue, crew: one}\n");
    for number in 1..=2 {
        project.write(
            "Dockerfile",
            &format!("FROM busybox\nENV NUMBER={number}\nRUN true\n"),
        );
        author.does(&["build", &project.dir(), "--label", "crew=two"]);
    }
    let image = author.does(&["image", "inspect", "busybox", "--json"]);
    assert!(
        image.contains("NUMBER=2") && !image.contains("NUMBER=1"),
        "{image}"
    );
    let labels = ["\"team\": \"blue\"", "\"crew\": \"two\""];
    assert!(labels.iter().all(|label| image.contains(label)), "{image}");
    let names = author.reads(&["image", "ls"]);
    let names: Vec<&str> = names
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert_eq!(names, ["busybox:latest"]);

    // A name that was given is one to stand on.
    author.does(&["build", &project.dir(), "--tag", "boat"]);
    project.write("Dockerfile", "FROM boat\nRUN test $NUMBER = 2\n");
    author.does(&["build", &project.dir()]);
}
