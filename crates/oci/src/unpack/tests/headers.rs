//! Headers: broken ones, extended ones, and long names.

use std::path::Path;

use fs_err as fs;

use super::archive::Tar;
use super::place::{Place, chain};
use crate::tar::{Body, padding};

#[test]
fn a_broken_header_is_named_by_its_place() {
    let good = Tar::default().file("a", "x").0;
    let sum = {
        let mut archive = good.clone();
        archive[0] = b'b';
        archive
    };
    let size = Tar::default()
        .with("a", Body::File { size: 0 })
        .patched(|header| header[124..135].fill(b'9'))
        .0;
    let owner = Tar::default()
        .with("a", Body::File { size: 0 })
        .patched(|header| header[108..116].fill(0xff))
        .0;
    for (archive, expected) in [
        (sum, "byte 0 is broken: its checksum"),
        (size, "byte 0 is broken: its size"),
        (owner, "byte 0 is broken: its owner"),
    ] {
        let error = Place::new().unpack(&archive).unwrap_err();
        assert!(chain(&error).contains(expected), "{}", chain(&error));
    }
}

#[test]
fn extended_headers_are_bounded_and_checked() {
    let record = |text: &str| Tar::default().records(text).file("a", "x").end();
    let huge = Tar::default()
        .with("pax", Body::File { size: 1 << 30 })
        .kind(b'x')
        .0;
    let huge_name = Tar::default()
        .with("pax", Body::File { size: 1 << 32 })
        .kind(b'L')
        .0;
    for (archive, expected) in [
        (huge, "larger than 1 MiB"),
        (huge_name, "larger than 1 MiB"),
        (record("99 path=b\n"), "malformed"),
        (record("9 path=b"), "malformed"),
        (record("x path=b\n"), "malformed"),
        (record("5 pa\n"), "malformed"),
        (record("0 path=b\n"), "malformed"),
        (record("16 path=../evil\n"), "leads out"),
        (record("12 size=-1\n\n"), "its size is no number"),
        (record("11 size=-1\n"), "its size is no number"),
        (record("18 uid=4294967295\n"), "its owner is no number"),
    ] {
        let place = Place::new();
        let error = place.unpack(&archive).unwrap_err();
        assert!(chain(&error).contains(expected), "{expected}: {}", chain(&error));
        assert!(place.is_clean());
    }
}

#[test]
fn a_record_with_an_empty_value_takes_back_what_was_said() {
    let archive = Tar::default()
        .records("9 path=b\n")
        .records("8 path=\n7 uid=\n9 mtime=\n")
        .file("a", "x")
        .end();
    let place = Place::new();
    let tree = place.unpack(&archive).unwrap();
    assert_eq!(fs::read_to_string(tree.path().join("a")).unwrap(), "x");
    assert!(!tree.path().join("b").exists());
}

#[test]
fn long_names_of_gnu_tar_and_global_headers_are_read() {
    let name = format!("{}/{}", "d".repeat(120), "f".repeat(120));
    let target = "t".repeat(200);
    let mut global = Tar::default()
        .with("pax_global_header", Body::File { size: 13 })
        .kind(b'g');
    global.0.extend(b"13 comment=x\n");
    global.0.resize(global.0.len() + padding(13), 0);
    let archive = global
        .long(b'L', &name)
        .file("short", "x")
        .long(b'K', &target)
        .symlink("s", "short")
        .end();
    let place = Place::new();
    let tree = place.unpack(&archive).unwrap();
    assert_eq!(fs::read_to_string(tree.path().join(&name)).unwrap(), "x");
    assert_eq!(fs::read_link(tree.path().join("s")).unwrap(), Path::new(&target));
}
