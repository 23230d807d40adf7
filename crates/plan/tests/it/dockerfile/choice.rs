//! Whether a folder is built from a Dockerfile.

use coracle_plan::PlanError;
use coracle_plan::dockerfile::{Choice, chosen};

use crate::folder::{manifest, message, of};

fn choice(files: &[(&str, &str)]) -> Result<Option<Choice>, PlanError> {
    let source = of(files);
    chosen(&source, &manifest(&source, "test"))
}

fn file(files: &[(&str, &str)]) -> Option<String> {
    let choice = choice(files).unwrap()?;
    Some(format!("{} in {}", choice.file, choice.context))
}

#[test]
fn a_dockerfile_at_the_top_goes_before_what_else_is_found() {
    let dockerfile = ("Dockerfile", "FROM a");
    let usual = Some("Dockerfile in .".to_owned());
    assert_eq!(file(&[dockerfile, ("main.py", "def a(request): 1\n")]), usual);
    assert_eq!(file(&[dockerfile, ("coracle.yaml", "port: 80\n")]), usual);
    assert_eq!(file(&[("sub/Dockerfile", "FROM a")]), None);
}

#[test]
fn a_manifest_that_says_how_to_build_goes_before_a_dockerfile() {
    for text in [
        "runtime: python\n",
        "build: {entry: main.py}\n",
        "build: {type: source}\n",
    ] {
        assert_eq!(
            file(&[("Dockerfile", "FROM a"), ("coracle.yaml", text)]),
            None,
            "{text}"
        );
    }
}

#[test]
fn a_manifest_names_the_dockerfile_and_its_context() {
    let manifest = "build: {type: dockerfile, file: docker/run, context: sub}\n";
    assert_eq!(
        file(&[("coracle.yaml", manifest)]),
        Some("docker/run in sub".to_owned())
    );
}

#[test]
fn a_folder_in_another_form_is_not_mistaken_for_a_dockerfile() {
    let files = [("Dockerfile", "FROM a"), ("stack.yaml", "functions:\n")];
    assert!(message(&choice(&files).unwrap_err()).contains("an OpenFaaS stack"));
    let own = [
        ("Dockerfile", "FROM a"),
        ("stack.yaml", ""),
        ("coracle.yaml", "port: 80\n"),
    ];
    assert!(file(&own).is_some());
}
