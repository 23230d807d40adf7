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
    for verb in listed(&world.run(["-h"]).stdout) {
        let page = world.run([verb.as_str(), "--help"]);
        insta::assert_snapshot!(format!("help-{verb}"), page);
        for action in listed(commands(&page.stdout)) {
            insta::assert_snapshot!(
                format!("help-{verb}-{action}"),
                world.run([&verb, &action, "--help"])
            );
        }
    }
}

/// The part of a verb's page that lists what it does; nothing if it does one thing only.
fn commands(page: &str) -> &str {
    page.split_once("\nCommands:\n").map_or("", |(_, listed)| listed)
}

/// The names that a page lists before its options.
fn listed(page: &str) -> Vec<String> {
    let before_options = page.split("\nOptions:").next().unwrap();
    let lines = before_options.lines().filter_map(|line| line.strip_prefix("  "));
    lines
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
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
