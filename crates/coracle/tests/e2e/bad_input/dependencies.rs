//! Dependencies that cannot be installed: the package manager's own words reach the user, once.

use super::source::Source;
use super::{HANDLER, built};
use crate::machine::Machine;

const NODE_HANDLER: &str =
    "require('@google-cloud/functions-framework').http('handle', (req, res) => res.send('afloat'));\n";

/// Answers how often `text` holds `part`.
fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn a_python_package_that_does_not_exist_is_named_once() {
    let source = Source::of(&[
        ("main.py", HANDLER),
        (
            "requirements.txt",
            "functions-framework\ncoracle-has-no-such-package==1.0\n",
        ),
    ]);
    for quiet in [&["--quiet"][..], &[]] {
        let said = Machine::shared().fail(1, &[&["build", source.argument()], quiet].concat());
        assert_eq!(
            count(
                &said,
                "Because coracle-has-no-such-package was not found in the package registry"
            ),
            1,
            "{said}"
        );
        assert_eq!(count(&said, "error: install dependencies failed"), 1, "{said}");
        assert!(said.ends_with("` ended with exit code 1\n"), "{said}");
    }
}

#[test]
fn versions_that_contradict_each_other_are_explained() {
    let source = Source::of(&[
        ("main.py", HANDLER),
        (
            "requirements.txt",
            "functions-framework\nflask==3.0.0\nwerkzeug==2.0.0\n",
        ),
    ]);
    let said = Machine::shared().fail(1, &["build", source.argument(), "--quiet"]);
    for part in ["flask==3.0.0 depends on werkzeug>=3.0.0", "No solution found"] {
        assert_eq!(count(&said, part), 1, "{said}");
    }
}

#[test]
fn requirements_that_are_none_are_told_with_their_file_and_a_pointer() {
    let source = Source::of(&[("main.py", HANDLER), ("requirements.txt", "flask ==== 2\n")]);
    let said = Machine::shared().fail(1, &["build", source.argument(), "--quiet"]);
    assert!(said.contains("`requirements.txt`"), "{said}");
    assert!(said.contains("flask ==== 2\n               ^^^^^^"), "{said}");
}

#[test]
fn a_node_package_that_does_not_exist_is_named() {
    let source = Source::of(&[
        ("index.js", NODE_HANDLER),
        (
            "package.json",
            r#"{"name": "boat", "version": "1.0.0", "dependencies": {"coracle-has-no-such-package": "1.0.0"}}"#,
        ),
    ]);
    let said = Machine::shared().fail(1, &["build", source.argument(), "--quiet"]);
    assert!(
        said.contains("'coracle-has-no-such-package@1.0.0' could not be found"),
        "{said}"
    );
    assert!(said.ends_with("` ended with exit code 1\n"), "{said}");
}

#[test]
fn broken_files_of_npm_are_named_with_their_line() {
    let with = |files: &[(&str, &str)]| built(&Source::of(&[&[("index.js", NODE_HANDLER)], files].concat()));
    let package = (
        "package.json",
        r#"{"name": "boat", "version": "1.0.0", "dependencies": {"express": "5.1.0"}}"#,
    );
    insta::assert_snapshot!(with(&[("package.json", "{\"name\": \"boat\",\n")]), @r"
    error: cannot plan the build
      caused by: `package.json` is broken at line 2: EOF while parsing a value
    exit code 1
    ");
    insta::assert_snapshot!(with(&[package, ("package-lock.json", "{\"lockfileVersion\": 3,\n")]), @r"
    error: cannot plan the build
      caused by: `package-lock.json` is broken at line 2: EOF while parsing a value
    exit code 1
    ");
    let stale =
        r#"{"name": "boat", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "boat"}}}"#;
    insta::assert_snapshot!(with(&[package, ("package-lock.json", stale)]), @r"
    error: cannot plan the build
      caused by: `package-lock.json` does not have `express`, which `package.json` depends on
      hint: bring it up to date: `npm install --package-lock-only`
    exit code 1
    ");
}
