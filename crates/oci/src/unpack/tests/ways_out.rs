//! Paths and links that lead elsewhere.

use std::path::Path;

use coracle_spec::Failure as _;
use fs_err as fs;

use super::archive::Tar;
use super::place::{Place, chain};

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_leads_out_of_the_tree_is_refused_and_leaves_nothing() {
    let outside = tempfile::tempdir().unwrap();
    let out = outside.path().to_str().unwrap();
    let tar = Tar::default;
    let long = "n".repeat(256);
    let longer = "d/".repeat(2048) + "f";
    let cases = [
        ("a parent", tar().file("../evil", "x"), "leads out"),
        (
            "a parent in the middle",
            tar().file("a/../../evil", "x"),
            "leads out",
        ),
        (
            "a parent in a long name",
            tar().long(b'L', "a/../../evil").file("a", "x"),
            "leads out",
        ),
        (
            "an absolute path",
            tar().file(&format!("{out}/evil"), "x"),
            "is absolute",
        ),
        ("an absolute directory", tar().directory("/evil"), "is absolute"),
        (
            "through a link out",
            tar().symlink("a", out).file("a/evil", "x"),
            "`/a/evil`",
        ),
        (
            "through a relative link out",
            tar()
                .symlink("a", "../../../../../../../../tmp")
                .file("a/evil", "x"),
            "`/a/evil`",
        ),
        (
            "through a link inside",
            tar().directory("d").symlink("a", "d").file("a/evil", "x"),
            "`/a/evil`",
        ),
        (
            "a directory through a link",
            tar().symlink("a", out).directory("a/evil"),
            "`/a/evil`",
        ),
        (
            "a link through a link",
            tar().symlink("a", out).symlink("a/evil", "x"),
            "`/a/evil`",
        ),
        (
            "a whiteout through a link",
            tar().symlink("a", out).file("a/.wh.evil", ""),
            "`/a/evil`",
        ),
        (
            "an opaque mark on a link",
            tar().symlink("a", out).file("a/.wh..wh..opq", ""),
            "`/a`",
        ),
        (
            "a hard link out",
            tar().hard_link("a", "../../../../../../etc/passwd"),
            "leads out",
        ),
        (
            "an absolute hard link",
            tar().hard_link("a", "/etc/passwd"),
            "is absolute",
        ),
        (
            "a hard link through a link",
            tar().symlink("a", "/etc").hard_link("b", "a/passwd"),
            "`/b`",
        ),
        ("a hard link to nothing", tar().hard_link("a", "b"), "`/a`"),
        (
            "a hard link to itself",
            tar().file("a", "x").hard_link("a", "a"),
            "itself",
        ),
        (
            "a hard link to a directory",
            tar().directory("d").hard_link("a", "d"),
            "`/a`",
        ),
        ("a hidden nothing", tar().file(".wh.", ""), "hides nothing"),
        ("a hidden parent", tar().file("a/.wh...", ""), "hides nothing"),
        ("a hidden self", tar().file("a/.wh..", ""), "hides nothing"),
        ("inside a whiteout", tar().file(".wh.a/b", ""), "reserved name"),
        ("the root as a file", tar().file(".", "x"), "root directory"),
        ("the root as a link", tar().symlink(".", out), "root directory"),
        (
            "a file over a directory",
            tar().directory("a").file("a/b", "").file("a", "x"),
            "`/a`",
        ),
        ("beneath a file", tar().file("a", "").file("a/b", "x"), "`/a/b`"),
        ("a long name", tar().file(&long, "x"), "longer than 255"),
        ("a long path", tar().file(&longer, "x"), "longer than 4095"),
        ("an empty link", tar().symlink("a", ""), "target is empty"),
        ("a sparse file", tar().file("a", "").kind(b'S'), "sparse"),
        ("an unknown kind", tar().file("a", "").kind(b'V'), "type `V`"),
    ];
    for (name, archive, expected) in cases {
        let place = Place::new();
        let error = place.unpack(&archive.end()).expect_err(name);
        assert!(chain(&error).contains(expected), "{name}: {}", chain(&error));
        assert_eq!(error.class(), coracle_spec::Class::User, "{name}");
        assert!(place.is_clean(), "{name} left something");
        assert!(!place.base.path().join("evil").exists(), "{name}");
        assert_eq!(
            fs::read_dir(outside.path()).unwrap().count(),
            0,
            "{name} wrote outside"
        );
    }
    assert!(!Path::new("/tmp/evil").exists());
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let place = Place::new();
    let victim = place.base.path().join("victim");
    fs::write(&victim, "kept").unwrap();
    let archive = Tar::default()
        .symlink("a", victim.to_str().unwrap())
        .file("a", "new")
        .end();
    let tree = place.unpack(&archive).unwrap();
    assert_eq!(fs::read_to_string(tree.path().join("a")).unwrap(), "new");
    assert_eq!(fs::read_to_string(victim).unwrap(), "kept");
}

#[test]
fn a_second_file_does_not_write_through_a_hard_link() {
    let archive = Tar::default()
        .file("a", "one")
        .hard_link("b", "a")
        .file("b", "two")
        .end();
    let place = Place::new();
    let tree = place.unpack(&archive).unwrap();
    assert_eq!(fs::read_to_string(tree.path().join("a")).unwrap(), "one");
    assert_eq!(fs::read_to_string(tree.path().join("b")).unwrap(), "two");
}
