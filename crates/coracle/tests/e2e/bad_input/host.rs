//! Hosts that lack something: space, rights, a network, an honest mirror, a port.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};

use super::source::Source;
use super::{HANDLER, seen};
use crate::machine::Machine;
use crate::mirror::{Lie, Mirror};

/// The user `nobody` of every Linux.
const NOBODY: u32 = 65_534;

fn handler() -> Source {
    Source::of(&[("main.py", HANDLER)])
}

/// Builds on an empty data directory with the mirror at `address`.
fn built_from(address: &str, source: &Source) -> Output {
    let mut command = Machine::empty().command(&["build", source.argument(), "--quiet"]);
    command.env("CORACLE_DEBIAN_MIRROR", address).output().unwrap()
}

#[test]
fn a_mirror_that_is_down_is_worth_another_try() {
    let source = handler();
    insta::assert_snapshot!(seen(&built_from("http://127.0.0.1:1/", &source), &source), @r"
    error: cannot choose the base
      caused by: cannot choose the packages
      caused by: cannot read Debian's lists of packages
      caused by: cannot fetch the Debian suite `trixie`
      caused by: cannot reach `http://127.0.0.1:1/debian/dists/trixie/InRelease`
      caused by: the connection was refused
      hint: check the network, the name server and the proxy settings, then try again
    exit code 75
    ");
}

#[test]
fn a_proxy_that_is_down_is_worth_another_try() {
    let source = handler();
    let machine = Machine::empty();
    let mut command = machine.command(&["build", source.argument(), "--quiet"]);
    let output = command
        .env("CORACLE_DEBIAN_MIRROR", "http://debian.invalid/")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env_remove("NO_PROXY")
        .output()
        .unwrap();
    insta::assert_snapshot!(seen(&output, &source), @r"
    error: cannot choose the base
      caused by: cannot choose the packages
      caused by: cannot read Debian's lists of packages
      caused by: cannot fetch the Debian suite `trixie`
      caused by: cannot reach `http://debian.invalid/debian/dists/trixie/InRelease`
      caused by: the connection was refused
      hint: check the network, the name server and the proxy settings, then try again
    exit code 75
    ");
}

#[test]
fn a_mirror_that_lies_is_not_believed() {
    let source = handler();
    let lied_to = |lie| {
        let mirror = Mirror::that(lie);
        seen(&built_from(mirror.address(), &source), &source).replace(mirror.address(), "MIRROR/")
    };
    for (lie, what, hint) in [
        (
            Lie::Release,
            "the release file of the Debian suite `trixie` is not to be trusted",
            "the mirror is stale, incomplete or altered: use another one",
        ),
        (
            Lie::Lists,
            "is not what it should be: expected sha256:",
            "the server or something on the way to it altered the content; try another",
        ),
        (
            Lie::Packages,
            "cannot fetch the Debian package `",
            "the server or something on the way to it altered the content; try another",
        ),
    ] {
        let said = lied_to(lie);
        assert!(said.contains(what), "{lie:?}: {said}");
        assert!(
            said.ends_with(&format!("hint: {hint}\nexit code 75")),
            "{lie:?}: {said}"
        );
    }
}

#[test]
fn a_full_disk_leaves_nothing_partial_and_the_next_build_works_once_there_is_space() {
    let source = handler();
    let disk = Disk::of("40m");
    let machine = Machine::at(disk.path());
    let said = machine.fail(75, &["build", source.argument(), "--quiet"]);
    assert!(said.contains("No space left on device"), "{said}");
    assert!(
        said.ends_with("hint: `coracle cache gc` removes what nothing uses; else free space on that file system, or put the data directory on a larger one\n"),
        "{said}"
    );
    disk.grow("1g");
    let digest = machine.succeed(&["build", source.argument(), "--quiet"]);
    let elsewhere = Machine::shared().succeed(&["build", source.argument(), "--locked", "--quiet"]);
    assert_eq!(digest, elsewhere);
}

/// A small file system of its own.
pub(super) struct Disk(tempfile::TempDir);

impl Disk {
    pub(super) fn of(size: &str) -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        disk.mount(&format!("size={size}"));
        disk
    }

    fn grow(&self, size: &str) {
        self.mount(&format!("remount,size={size}"));
    }

    fn mount(&self, options: &str) {
        let arguments = ["-t", "tmpfs", "-o", options, "none"];
        let status = Command::new("mount").args(arguments).arg(self.path()).status();
        assert!(status.unwrap().success());
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

#[test]
fn without_root_the_error_says_what_is_missing() {
    let source = handler();
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("coracle");
    // Not by this process: a file that it writes cannot be executed while a child forked meanwhile holds it open.
    let copied = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_coracle"))
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    for folder in source.path().ancestors().take(2) {
        fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::chown(place.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(program);
    command.args(["up", source.argument(), "--call", "/", "--quiet"]);
    command
        .env_clear()
        .env("HOME", place.path())
        .uid(NOBODY)
        .gid(NOBODY);
    insta::assert_snapshot!(seen(&command.output().unwrap(), &source), @r"
    error: sandboxes need root
      hint: run this as root, for example with `sudo`: control groups, mounts and user ids need it
    exit code 1
    ");
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let source = handler();
    let machine = Machine::at(Path::new("/proc/nowhere"));
    insta::assert_snapshot!(seen(&machine.run(&["build", source.argument(), "--quiet"]), &source), @r"
    error: cannot use the data directory `/proc/nowhere`
      caused by: cannot make `/proc/nowhere`
      caused by: failed to create directory `/proc/nowhere`: No such file or directory (os error 2)
      hint: name a directory that you may write to with `--data DIR`
    exit code 1
    ");
}

#[test]
fn a_port_that_is_taken_gives_way_to_the_next_free_one() {
    let source = handler();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let function = Machine::shared().start(&["up", source.argument(), "--listen", &address.to_string()]);
    let port: u16 = function.url().rsplit(':').next().unwrap().parse().unwrap();
    assert_ne!(port, address.port());
    let answer = ureq::get(function.url())
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    assert_eq!(answer, "afloat");
    function.end();
}
