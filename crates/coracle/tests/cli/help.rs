//! Help texts.

use crate::program::World;

#[test]
fn the_first_page_groups_the_verbs() {
    let world = World::new();
    insta::assert_snapshot!("help", world.run(["--help"]));
    insta::assert_snapshot!("help-short", world.run(["-h"]));
}

#[test]
fn each_verb_has_a_page() {
    let world = World::new();
    for verb in [
        "new",
        "dev",
        "up",
        "plan",
        "build",
        "base",
        "cache",
        "runtimes",
        "serve",
        "login",
        "secret",
        "deploy",
        "ls",
        "describe",
        "revisions",
        "rollback",
        "scale",
        "invoke",
        "logs",
        "rm",
        "completions",
        "man",
    ] {
        insta::assert_snapshot!(format!("help-{verb}"), world.run([verb, "--help"]));
    }
    for (verb, action) in [
        ("secret", "set"),
        ("secret", "ls"),
        ("secret", "rm"),
        ("cache", "du"),
        ("cache", "gc"),
        ("base", "ls"),
        ("base", "lock"),
    ] {
        insta::assert_snapshot!(
            format!("help-{verb}-{action}"),
            world.run([verb, action, "--help"])
        );
    }
}

#[test]
fn without_a_verb_the_first_page_is_shown_and_it_is_a_usage_error() {
    let said = World::new().run::<&str>([]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("Usage: coracle VERB"), "{said}");
    assert_eq!(said.stdout, "");
}

#[test]
fn the_version_is_data() {
    let said = World::new().run(["--version"]);
    assert_eq!(said.stdout, format!("coracle {}\n", env!("CARGO_PKG_VERSION")));
}
