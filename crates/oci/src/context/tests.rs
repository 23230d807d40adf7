use std::os::unix::fs::PermissionsExt as _;

use coracle_spec::ByteSize;
use proptest::prelude::*;

use super::*;

const LIMITS: UnpackLimits = UnpackLimits {
    entries: 20,
    bytes: ByteSize::mebibytes(1),
};

/// What an entry of a test's archive is.
#[derive(Debug, Clone, Copy)]
enum Is<'a> {
    Folder,
    File(&'a str),
    Link(&'a str),
    Hard(&'a str),
    Kind(u8),
}

/// Makes an archive with all set-id bits and a foreign owner.
fn archive(entries: &[(&str, Is<'_>)]) -> Vec<u8> {
    let mut archive = ::tar::Builder::new(Vec::new());
    for (name, is) in entries {
        let mut header = ::tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(0o7750);
        header.set_uid(12_345);
        let body = match is {
            Is::File(body) => body,
            _ => "",
        };
        header.set_entry_type(match is {
            Is::Folder => ::tar::EntryType::Directory,
            Is::File(_) => ::tar::EntryType::Regular,
            Is::Link(_) => ::tar::EntryType::Symlink,
            Is::Hard(_) => ::tar::EntryType::Link,
            Is::Kind(byte) => ::tar::EntryType::new(*byte),
        });
        if let Is::Link(target) | Is::Hard(target) = is {
            header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        }
        header.set_size(body.len() as u64);
        header.set_cksum();
        archive.append(&header, body.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn unpacked(archive: &[u8]) -> Result<tempfile::TempDir, SourceError> {
    let root = tempfile::tempdir().unwrap();
    unpack_context(archive, root.path(), &["config", "context"], &LIMITS).map(|()| root)
}

fn refused(entries: &[(&str, Is<'_>)]) -> String {
    let Err(error) = unpacked(&archive(entries)) else {
        panic!("{entries:?} were taken")
    };
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn what_is_wanted_is_taken_however_its_names_are_written_and_the_rest_is_ignored() {
    let root = unpacked(&archive(&[
        ("./", Is::Folder),
        ("./other", Is::Kind(b'6')),
        ("./other/config", Is::File("no")),
        ("./context", Is::Folder),
        ("context/run.sh", Is::File("echo")),
        ("context/again", Is::Hard("./context/run.sh")),
        ("context/a/link", Is::Link("../run.sh")),
        ("config", Is::File("{}")),
    ]))
    .unwrap();
    let names: Vec<_> = fs_err::read_dir(root.path()).unwrap().collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for name in ["run.sh", "again", "a/link"] {
        let path = root.path().join("context").join(name);
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "echo");
        let mode = fs_err::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o750, "{name}");
    }
}

#[test]
fn each_way_out_is_refused_with_a_reason() {
    for (entries, reason) in [
        (
            &[("../x", Is::File(""))][..],
            "leads out of its directory by `..`",
        ),
        (&[("context/../../x", Is::File(""))], "leads out"),
        (&[("/context/x", Is::File(""))], "is absolute"),
        (&[("ignored/../../x", Is::File(""))], "leads out"),
        (
            &[("context/x", Is::Link("/etc/passwd"))],
            "leads out of the source",
        ),
        (&[("context/x", Is::Link("../config"))], "leads out of the source"),
        (&[("context/a/x", Is::Link("../../x"))], "leads out of the source"),
        (&[("context/x", Is::Link("a/../y"))], "leads out of the source"),
        (&[("config", Is::Link("context/x"))], "leads out of the source"),
        (&[("context", Is::Link("."))], "leads out of the source"),
        (&[("context/x", Is::Hard("other/x"))], "leads out of the source"),
        (&[("context/x", Is::Hard("../x"))], "leads out of its directory"),
        (&[("context/x", Is::Hard("context/x"))], "or to itself"),
        (&[("context/x", Is::Kind(b'3'))], "neither a file"),
        (&[("context/x", Is::Kind(b'6'))], "neither a file"),
        (&[("context/x", Is::Kind(b'S'))], "a sparse file"),
        (&[("context/x", Is::Kind(b'V'))], "not supported"),
        (
            &[("context/a", Is::Link("b")), ("context/a/x", Is::File(""))],
            "cannot unpack the source's entry `/context/a/x`",
        ),
    ] {
        assert!(
            refused(entries).contains(reason),
            "{entries:?}: {}",
            refused(entries)
        );
    }
}

#[test]
fn entries_and_bytes_are_bounded_also_when_they_are_compressed_or_ignored() {
    let many: Vec<_> = (0..21).map(|_| ("other", Is::File(""))).collect();
    assert!(refused(&many).contains("more than 20 entries"));
    let text = "0".repeat(2 << 20);
    let bomb = archive(&[("other", Is::File(&text))]);
    assert!(unpacked(&zstd::encode_all(&bomb[..], 1).unwrap()).is_err());
    assert!(unpacked(&bomb).is_err());
    let half = "0".repeat(700 << 10);
    let twice = [("other", Is::File(&half)), ("other", Is::File(&half))];
    assert!(refused(&twice).contains("unpacks to more than"));
}

#[test]
fn an_archive_that_is_cut_is_refused() {
    let whole = archive(&[
        ("context/Dockerfile", Is::File("FROM scratch")),
        ("config", Is::File("{}")),
    ]);
    for end in (0..whole.len()).step_by(61) {
        assert!(unpacked(&whole[..end]).is_err(), "cut at {end}");
    }
    unpacked(&whole).unwrap();
}

proptest! {
    #[test]
    fn no_target_of_a_link_that_is_taken_leads_out(parts in prop::collection::vec("\\.\\.|[ab.]|", 1..6), depth in 1usize..4) {
        let path = LayerPath::parse(format!("context{}/l", "/d".repeat(depth - 1)).as_bytes()).unwrap();
        let target = parts.join("/");
        if stays(&path, Path::new(&target)) {
            let mut here = i64::try_from(depth).unwrap();
            for part in Path::new(&target).components() {
                here += match part { Component::ParentDir => -1, Component::Normal(_) => 1, _ => 0 };
                prop_assert!(here >= 1, "{} at depth {}", target, depth);
            }
            prop_assert!(!target.starts_with('/'));
        }
    }
}
