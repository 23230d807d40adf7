//! Folders with a Dockerfile.

use std::process::Output;

use serde_json::Value;

use crate::machine::{Machine, Running};
use crate::project::Project;
use crate::traffic::Traffic;

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

const SITE: &str = r#"FROM busybox
COPY index.html /www/index.html
EXPOSE 8000
CMD ["httpd", "-f", "-p", "8000", "-h", "/www"]
"#;

#[test]
fn the_version_before_answers_while_a_dockerfile_is_broken_in_any_way_until_it_is_mended() {
    let project = Project::of(&[("Dockerfile", SITE), ("index.html", "one")]);
    let author = Author::new();
    let arguments = ["dev", &project.dir(), "--listen", "127.0.0.1:0"];
    let function = Running::start(author.0.with_bases(&arguments));
    let traffic = Traffic::start(function.url(), &["/"]);
    traffic.sees("first version", |answer| answer.body == "one");
    project.write("index.html", "two");
    traffic.sees("second version", |answer| answer.body == "two");
    let command_fails = SITE.replace("EXPOSE", "RUN echo aground; exit 3\nEXPOSE");
    for (broken, part) in [
        (command_fails.as_str(), "line 3: RUN echo aground; exit 3 failed"),
        ("FROM busybox\nCOPPY a b\n", "line 2: unknown instruction `COPPY`"),
        ("FROM busybox\nCOPY nothing /\n", "line 2: COPY nothing / failed"),
    ] {
        project.write("Dockerfile", broken);
        traffic.sees("error", |answer| {
            answer.body == "two" && answer.error.as_ref().is_some_and(|error| error.contains(part))
        });
    }
    function.says("aground");
    project.write("Dockerfile", SITE);
    project.write("index.html", "three");
    traffic.sees("mended version", |answer| {
        answer.body == "three" && answer.error.is_none()
    });
    traffic.end();
    function.end();
}
