//! What goes beside the program when it is installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::program::World;

#[test]
fn each_shell_has_completions_that_know_the_verbs() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = world.run(["completions", shell]);
        assert_eq!(said.code, Some(0), "{shell}: {said}");
        for verb in ["deploy", "rollback", "describe"] {
            assert!(said.stdout.contains(verb), "{shell} does not know {verb}");
        }
    }
    assert_eq!(world.run(["completions", "abacus"]).code, Some(2));
}

#[test]
fn bash_understands_its_completions() {
    let said = World::new().run(["completions", "bash"]);
    let mut bash = Command::new("/bin/bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin
        .take()
        .unwrap()
        .write_all(said.stdout.as_bytes())
        .unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn each_verb_has_a_manual_page() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let said = world.run(["man", pages.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{said}");
    for (page, part) in [
        ("coracle.1", "source folder"),
        ("coracle-rollback.1", "earlier revision"),
        ("coracle-secret-set.1", "secret"),
    ] {
        let text = fs_err::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".TH") && text.contains(part), "{page}: {text}");
    }
}
