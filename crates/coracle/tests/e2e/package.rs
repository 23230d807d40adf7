//! The Debian package: what it installs, and what it says about itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::machine::repository;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}: {stdout}{stderr}");
    stdout.into_owned()
}

/// Makes the package as a developer does, of the program that is tested.
fn package() -> PathBuf {
    let made = Command::new(env!("CARGO"))
        .args(["xtask", "deb", env!("CARGO_BIN_EXE_coracle")])
        .current_dir(repository("."))
        .output()
        .unwrap();
    let said = String::from_utf8(made.stderr).unwrap();
    assert!(made.status.success(), "{said}");
    let path = said
        .lines()
        .last()
        .and_then(|line| line.strip_prefix("made `")?.strip_suffix('`'));
    path.unwrap_or_else(|| panic!("it does not say where the package is: {said}"))
        .into()
}

#[test]
fn the_package_has_a_program_that_runs_with_its_units_pages_and_completions() {
    let package = package();
    let fields = run(Command::new("dpkg-deb").arg("--field").arg(&package));
    for part in ["Package: coracle", "libc6 (>= ", "init-system-helpers", "procps"] {
        assert!(fields.contains(part), "no `{part}` in {fields}");
    }
    let root = tempfile::tempdir().unwrap();
    run(Command::new("dpkg-deb")
        .arg("--extract")
        .arg(&package)
        .arg(root.path()));
    let version = run(Command::new(root.path().join("usr/bin/coracle")).arg("--version"));
    assert_eq!(version, concat!("coracle ", env!("CARGO_PKG_VERSION"), "\n"));
    for path in [
        "etc/default/coracle",
        "usr/share/bash-completion/completions/coracle",
        "usr/share/man/man1/coracle-up.1.gz",
        "usr/share/doc/coracle/changelog.gz",
    ] {
        assert!(root.path().join(path).is_file(), "no `{path}`");
    }
    units_are_sound(root.path());
}

/// Has systemd read the units, with the programs where they say they are. Of others' units it has none here.
fn units_are_sound(root: &Path) {
    // From procps, which the package depends on.
    fs_err::create_dir(root.join("bin")).unwrap();
    fs_err::copy("/bin/kill", root.join("bin/kill")).unwrap();
    let units =
        ["coracle.socket", "coracle.service"].map(|name| root.join("usr/lib/systemd/system").join(name));
    let output = Command::new("systemd-analyze")
        .arg(format!("--root={}", root.display()))
        .args(["--man=no", "--recursive-errors=no", "verify"])
        .args(&units)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("coracle"), "{said}");
}
