//! What a build may use: beyond it there is a clear error, and nothing is lost.

use std::path::Path;
use std::process::Command;

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

use crate::machine::{Machine, copy_of};

/// A project whose build runs a script of Node's.
fn project(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let package = r#"{
        "name": "greedy",
        "scripts": {"build": "mkdir -p dist && node grow.js", "start": "node dist/index.js"}
    }"#;
    fs_err::write(folder.path().join("package.json"), package).unwrap();
    fs_err::write(folder.path().join("grow.js"), script).unwrap();
    folder
}

/// Builds with a limit, and answers what was said about the failure.
fn build_with(limit: (&str, &str), folder: &Path) -> String {
    let machine = Machine::shared();
    let mut build = machine.command(&["build", folder.to_str().unwrap()]);
    said(build.env(limit.0, limit.1), 1)
}

fn said(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{talk}");
    talk
}

#[test]
fn a_step_that_writes_too_much_is_named_with_the_setting() {
    let project = project("for (;;) require('fs').appendFileSync('dist/index.js', Buffer.alloc(1e6))");
    let talk = build_with(("CORACLE_BUILD_DISK", "20Mi"), project.path());
    for part in ["wrote more than 20Mi", "CORACLE_BUILD_DISK", "run build"] {
        assert!(talk.contains(part), "{part}: {talk}");
    }
}

#[test]
fn a_step_that_needs_too_much_memory_is_told_how_to_get_more() {
    let project = project("const all = []; for (;;) all.push(Buffer.alloc(16e6, 1))");
    let talk = build_with(("CORACLE_BUILD_MEMORY", "160Mi"), project.path());
    assert!(talk.contains("CORACLE_BUILD_MEMORY"), "{talk}");
}

#[test]
fn a_setting_that_makes_no_sense_is_named() {
    let talk = build_with(("CORACLE_BUILD_DISK", "much"), project("").path());
    assert!(
        talk.contains("`CORACLE_BUILD_DISK`") && talk.contains("`much`"),
        "{talk}"
    );
}

/// A small disk, which can grow.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    pub(crate) fn of(size: &std::ffi::CStr) -> Self {
        let place = tempfile::tempdir().unwrap();
        mount("tmpfs", place.path(), "tmpfs", MountFlags::empty(), size)
            .expect("mounting needs root: run the tests as root");
        Self(place)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn grow(&self, size: &str) {
        mount_remount(self.0.path(), MountFlags::empty(), size).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = unmount(self.0.path(), UnmountFlags::DETACH);
    }
}

#[test]
fn a_full_disk_is_said_and_the_build_goes_on_when_there_is_room() {
    let disk = Disk::of(c"size=40m");
    let machine = Machine::at(disk.path());
    let project = copy_of("hello-python");
    let folder = project.path().join("hello-python");
    let build = ["build", folder.to_str().unwrap()];
    let talk = said(&mut machine.command(&build), 75);
    assert!(talk.to_lowercase().contains("no space left"), "{talk}");
    assert!(talk.contains("`coracle cache gc`"), "{talk}");
    // What can be freed is freed on the full disk itself.
    machine.succeed(&["cache", "gc", "--all"]);
    disk.grow("size=2g");
    machine.succeed(&build);
}
