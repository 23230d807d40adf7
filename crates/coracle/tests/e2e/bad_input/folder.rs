//! Folders, manifests and lock files that make no sense, and odd ones that do.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use super::source::Source;
use super::{HANDLER, built, called};
use crate::machine::Machine;

/// Builds a handler with the manifest.
fn built_with(manifest: &str) -> String {
    built(&Source::of(&[("main.py", HANDLER), ("coracle.yaml", manifest)]))
}

#[test]
fn a_manifest_is_told_where_it_is_wrong() {
    insta::assert_snapshot!(built_with("name: boat\nenvv: {}\n"), @r"
    error: FOLDER/coracle.yaml:2: unknown key `envv`
      hint: did you mean `env`?
    exit code 1
    ");
    insta::assert_snapshot!(built_with("resources: {memory: lots}\n"), @r"
    error: FOLDER/coracle.yaml:1: `resources.memory`: `lots` is not a size: expected a whole number of bytes, or with a unit: `64k`, `256Mi`, `1Gi`
    exit code 1
    ");
    insta::assert_snapshot!(built_with("port: 99999\n"), @r"
    error: FOLDER/coracle.yaml:1: `port` is `99999`, expected a whole number up to 65535
    exit code 1
    ");
    insta::assert_snapshot!(built_with("name: [\n"), @r"
    error: FOLDER/coracle.yaml:1: not valid YAML: unclosed bracket '['
    exit code 1
    ");
    insta::assert_snapshot!(built_with("functions:\n  one: {}\n  two: {}\n"), @r"
    error: FOLDER/coracle.yaml:1: the manifest has several functions: `one`, `two`
      hint: write one manifest for each function, and name it with `--file`
    exit code 1
    ");
}

#[test]
fn a_handler_that_is_not_there_is_named() {
    insta::assert_snapshot!(built_with("build: {entry: main.py, handler: sail}\n"), @r"
    error: cannot plan the build
      caused by: `main.py` has no handler `sail`
      hint: name a function of that file in `build.handler`
    exit code 1
    ");
    insta::assert_snapshot!(built_with("build: {entry: sail.py}\n"), @r"
    error: cannot plan the build
      caused by: `sail.py` does not exist, named by `build.entry`
    exit code 1
    ");
}

#[test]
fn two_handlers_are_a_choice_of_the_author() {
    let two = format!("{HANDLER}\n\n@functions_framework.http\ndef other(request):\n    return ''\n");
    insta::assert_snapshot!(built(&Source::of(&[("main.py", &two)])), @r"
    error: cannot plan the build
      caused by: `main.py` has several handlers: `handle`, `other`
      hint: choose one in `coracle.yaml`: `build: {handler: handle}`
    exit code 1
    ");
}

#[test]
fn a_dockerfile_that_is_wrong_is_shown_with_its_lines() {
    insta::assert_snapshot!(built(&Source::of(&[("Dockerfile", "FROM scratch\nCOPY --chmod=rwx a \\\n  b\n")])), @r"
    error: `Dockerfile`, line 2: `rwx` is no value for `--chmod`
      1 | FROM scratch
    > 2 | COPY --chmod=rwx a \
    > 3 |   b
      hint: expected bits such as `755`, or changes such as `u=rwX,go=rX`
    exit code 1
    ");
}

#[test]
fn broken_lock_files_are_named_with_the_way_out() {
    let with = |lock: &str| built(&Source::of(&[("main.py", HANDLER), ("coracle.lock", lock)]));
    insta::assert_snapshot!(with("version = ["), @r"
    error: cannot use the lock file `FOLDER/coracle.lock`
      caused by: `coracle.lock` is broken
      caused by: TOML parse error at line 1, column 12
          |
        1 | version = [
          |            ^
        unclosed array, expected `]`
      hint: restore `coracle.lock` from version control, or delete it: the next build writes it anew
    exit code 1
    ");
    insta::assert_snapshot!(with("version = 99\n"), @r"
    error: cannot use the lock file `FOLDER/coracle.lock`
      caused by: `coracle.lock` has version 99, and this Coracle reads version 1
      hint: use a newer Coracle, or delete `coracle.lock`: the next build writes it anew
    exit code 1
    ");
}

#[test]
fn a_locked_build_without_a_lock_says_what_is_not_pinned() {
    let source = Source::of(&[("main.py", HANDLER)]);
    let output = Machine::shared().run(&["build", source.argument(), "--locked", "--quiet"]);
    insta::assert_snapshot!(super::seen(&output, &source), @r"
    error: `coracle.lock` does not pin the base `python-3.13-amd64`
      hint: build once without `--locked` and commit `coracle.lock`
    exit code 1
    ");
}

#[test]
fn a_link_out_of_the_folder_is_not_read() {
    let source = Source::of(&[]);
    source.link("main.py", "/etc/passwd");
    insta::assert_snapshot!(built(&source), @r"
    error: cannot plan the build
      caused by: cannot look at the source
      caused by: cannot read `main.py`
      caused by: it is a link that leads out of the source folder
    exit code 1
    ");
}

#[test]
fn a_name_that_is_no_text_is_named() {
    let source = Source::of(&[("main.py", HANDLER)]);
    fs_err::write(source.path().join(OsStr::from_bytes(b"sea\xff")), "").unwrap();
    insta::assert_snapshot!(built(&source), @r"
    error: cannot read the source
      caused by: the name of `FOLDER/sea�` is not UTF-8
      hint: rename the file
    exit code 1
    ");
}

#[test]
fn pipes_dangling_links_and_odd_names_harm_nothing() {
    let source = Source::of(&[
        ("main.py", HANDLER),
        ("a b/ü\n.txt", "odd"),
        ("-rf", "odd"),
        ("naïve \"quoted\" $HOME.py", "x = 1\n"),
    ]);
    source.link(".#main.py", "somebody@somewhere:1");
    source.link("away", "../../..");
    let pipe = source.path().join("pipe");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    insta::assert_snapshot!(called(&source), @r"
    afloatexit code 0
    ");
}

#[test]
fn a_folder_that_nobody_can_write_to_is_built_with_a_warning() {
    let source = Source::of(&[("main.py", HANDLER)]);
    let mounted = Mounted::read_only(&source);
    let output = Machine::shared().run(&["up", source.argument(), "--call", "/"]);
    drop(mounted);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.stdout, b"afloat", "{said}");
    assert!(said.contains("warning: cannot write the lock file: "), "{said}");
}

/// The source folder mounted over itself, read-only even for root.
struct Mounted<'a>(&'a Source);

impl<'a> Mounted<'a> {
    fn read_only(source: &'a Source) -> Self {
        let mount = |arguments: &[&str]| {
            let status = Command::new("mount").args(arguments).arg(source.path()).status();
            assert!(status.unwrap().success());
        };
        mount(&["--bind", source.argument()]);
        mount(&["--options", "remount,bind,ro"]);
        Self(source)
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}
