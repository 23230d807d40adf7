//! Go programs: compiled for other processors, and run as programs that were built before.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::machine::{Machine, copy_of};
use crate::platforms::{elf_machine, unpacked};

/// What `e_machine` says in the head of an ELF file (System V ABI) for arm64.
const AARCH64: u16 = 183;

/// Builds the example for a platform and answers where the program is, out of the image.
fn program(arch: &str, place: &Path) -> PathBuf {
    let copy = copy_of("go-http");
    let folder = copy.path().join("go-http");
    let layout = format!("oci:{}", place.join("layout").display());
    let platform = format!("linux/{arch}");
    let folder = folder.to_str().unwrap();
    Machine::shared().succeed(&["build", folder, "--platform", &platform, "--output", &layout]);
    unpacked(&format!("{layout}:latest"), arch, place).join("usr/local/bin/function")
}

#[test]
fn a_go_program_is_compiled_for_other_processors() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(elf_machine(&program("arm64", place.path())), Some(AARCH64));
}

#[test]
fn a_static_program_that_was_built_before_needs_nothing_beside_it() {
    let own = if cfg!(target_arch = "x86_64") {
        "amd64"
    } else {
        "arm64"
    };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("prebuilt");
    fs_err::create_dir(&folder).unwrap();
    fs_err::copy(program(own, place.path()), folder.join("server")).unwrap();
    fs_err::set_permissions(folder.join("server"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let answer = Machine::shared().succeed(&["up", folder.to_str().unwrap(), "--call", "/tide/tokyo"]);
    assert!(answer.contains("\"hour\":21"), "{answer}");
}
