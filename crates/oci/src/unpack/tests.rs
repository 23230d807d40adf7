//! Archives that want something else than to be unpacked.

use std::io::Write;
use std::path::Path;

use coracle_content::Store;
use coracle_spec::{ByteSize, Digest, Failure};
use fs_err as fs;

use super::*;
use crate::compression::{Compression, Encoder};
use crate::entry::Metadata;
use crate::tar::{BLOCK, Body, encode, padding};

struct Place {
    base: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let store = Store::open(&base.path().join("store")).unwrap();
        Self { base, store }
    }

    fn layer(&self, archive: &[u8], compression: Compression) -> Layer {
        let mut encoder = Encoder::new(&self.store, compression).unwrap();
        encoder.write_all(archive).unwrap();
        let blob = encoder.commit().unwrap();
        Layer {
            diff_id: Digest::of(archive),
            digest: blob.digest,
            size: blob.size,
            compression,
            note: String::new(),
        }
    }

    fn unpack(&self, archive: &[u8]) -> Result<Tree, UnpackError> {
        unpack(&self.store, &self.layer(archive, Compression::None))
    }

    fn is_clean(&self) -> bool {
        let is_empty = |name: &str| {
            fs::read_dir(self.store.root().join(name))
                .unwrap()
                .next()
                .is_none()
        };
        ["trees", "scratch", "locks"].into_iter().all(is_empty)
    }
}

/// An archive in the making.
#[derive(Default, Clone)]
struct Tar(Vec<u8>);

impl Tar {
    fn with(mut self, path: &str, body: Body<'_>) -> Self {
        self.0
            .extend(encode(path.as_bytes(), body, &Metadata::with_mode(0o755)));
        self
    }

    fn directory(self, path: &str) -> Self {
        self.with(path, Body::Directory)
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        let size = text.len() as u64;
        self = self.with(path, Body::File { size });
        self.0.extend(text.as_bytes());
        self.0.resize(self.0.len() + padding(size), 0);
        self
    }

    fn symlink(self, path: &str, target: &str) -> Self {
        self.with(
            path,
            Body::Symlink {
                target: target.as_bytes(),
            },
        )
    }

    fn hard_link(self, path: &str, target: &str) -> Self {
        self.with(
            path,
            Body::HardLink {
                target: target.as_bytes(),
            },
        )
    }

    /// Changes the header of the last entry, which has no contents, and seals it again.
    fn patched(mut self, patch: impl FnOnce(&mut [u8])) -> Self {
        let start = self.0.len() - BLOCK;
        let header = &mut self.0[start..];
        patch(header);
        header[148..156].fill(b' ');
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self
    }

    fn kind(self, kind: u8) -> Self {
        self.patched(|header| header[156] = kind)
    }

    /// A GNU long name or link for the next entry.
    fn long(self, kind: u8, text: &str) -> Self {
        let size = text.len() as u64;
        let mut tar = self.with("././@LongLink", Body::File { size }).kind(kind);
        tar.0.extend(text.as_bytes());
        tar.0.resize(tar.0.len() + padding(size), 0);
        tar
    }

    fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

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

fn sample() -> Vec<u8> {
    Tar::default()
        .directory("d")
        .file("d/f", "text")
        .symlink("s", "d")
        .hard_link("h", "d/f")
        .end()
}

fn read_all(archive: &[u8]) -> Result<(), TarError> {
    let mut reader = Reader::new(archive);
    while reader.next()?.is_some() {}
    Ok(())
}

#[test]
fn an_archive_cut_at_any_byte_is_an_error() {
    let whole = sample();
    for length in 0..whole.len() {
        let error = read_all(&whole[..length]).expect_err("it is cut");
        assert!(
            matches!(error, TarError::CutOff { at } if at == length as u64),
            "{length}: {error:?}"
        );
    }
    read_all(&whole).unwrap();
}

#[test]
fn a_layer_that_was_cut_leaves_nothing() {
    let whole = sample();
    let place = Place::new();
    for length in (0..whole.len()).step_by(100) {
        let cut = place.layer(&whole[..length], Compression::None);
        let layer = Layer {
            diff_id: Digest::of(&whole),
            ..cut
        };
        assert!(unpack(&place.store, &layer).is_err(), "cut after {length} bytes");
        assert!(place.is_clean(), "cut after {length} bytes");
    }
    place.unpack(&whole).unwrap();
}

#[test]
fn directories_may_be_deeper_than_any_recursion_should_be() {
    let archive = Tar::default().file(&("d/".repeat(1000) + "f"), "x").end();
    let place = Place::new();
    let tree = place.unpack(&archive).unwrap();
    assert_eq!(
        fs::read_to_string(tree.path().join("d/".repeat(50)).join("d"))
            .unwrap_err()
            .kind(),
        io::ErrorKind::IsADirectory
    );
}

#[test]
fn a_compressed_layer_cut_at_any_byte_is_an_error() {
    let archive = Tar::default().file("f", &"text ".repeat(50)).end();
    let place = Place::new();
    for compression in [Compression::Gzip, Compression::Zstd] {
        let whole = place.layer(&archive, compression);
        let bytes = place
            .store
            .existing_blob(&whole.digest)
            .unwrap()
            .read(1 << 20)
            .unwrap();
        for length in 0..bytes.len() {
            let cut = place.store.put_blob(&bytes[..length]).unwrap();
            let layer = Layer {
                digest: cut.digest,
                size: cut.size,
                ..whole.clone()
            };
            assert!(
                unpack(&place.store, &layer).is_err(),
                "{compression:?} cut after {length} bytes"
            );
        }
        assert!(place.is_clean());
    }
}

#[test]
fn an_archive_without_an_end_is_cut_off() {
    let place = Place::new();
    let archive = Tar::default().file("f", "x").0;
    let error = place.unpack(&archive).unwrap_err();
    assert!(
        chain(&error).contains("cut off after 1024 bytes"),
        "{}",
        chain(&error)
    );
}

#[test]
fn what_follows_the_end_counts_for_the_digest() {
    let place = Place::new();
    let mut archive = Tar::default().file("f", "x").end();
    archive.resize(10_240, 0);
    place.unpack(&archive).unwrap();
    let other = Layer {
        diff_id: Digest::of("other"),
        ..place.layer(&archive, Compression::Zstd)
    };
    let error = unpack(&place.store, &other).unwrap_err();
    assert!(matches!(error, UnpackError::Mismatch { .. }), "{error:?}");
}

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
    let record = |text: &str| {
        let mut tar = Tar::default()
            .with(
                "pax",
                Body::File {
                    size: text.len() as u64,
                },
            )
            .kind(b'x');
        tar.0.extend(text.as_bytes());
        tar.0.resize(tar.0.len() + padding(text.len() as u64), 0);
        tar.file("a", "x").end()
    };
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
fn a_bomb_stops_at_the_limit() {
    let place = Place::new();
    let bytes = "0".repeat(8 << 20);
    let layer = place.layer(&Tar::default().file("bomb", &bytes).end(), Compression::Zstd);
    assert!(layer.size < 10_000);
    let limits = UnpackLimits {
        bytes: ByteSize::mebibytes(1),
        ..UnpackLimits::default()
    };
    let error = unpack_with(
        &place.store,
        &layer,
        &UnpackPolicy {
            limits,
            ..UnpackPolicy::default()
        },
    )
    .unwrap_err();
    assert!(
        chain(&error).contains("more than 1048576 bytes"),
        "{}",
        chain(&error)
    );
    assert!(place.is_clean());
}

#[test]
fn entries_are_counted() {
    let place = Place::new();
    let layer = place.layer(
        &Tar::default().file("a", "").file("b", "").end(),
        Compression::None,
    );
    let limits = UnpackLimits {
        entries: 1,
        ..UnpackLimits::default()
    };
    let error = unpack_with(
        &place.store,
        &layer,
        &UnpackPolicy {
            limits,
            ..UnpackPolicy::default()
        },
    )
    .unwrap_err();
    assert!(matches!(error, UnpackError::TooMany { limit: 1 }), "{error:?}");
    assert!(place.is_clean());
}

fn device() -> Vec<u8> {
    Tar::default()
        .with("disk", Body::File { size: 0 })
        .kind(b'4')
        .with("null", Body::File { size: 0 })
        .kind(b'3')
        .end()
}

#[test]
fn devices_are_left_out_or_refused() {
    let place = Place::new();
    let tree = place.unpack(&device()).unwrap();
    assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 0);
    let place = Place::new();
    let policy = UnpackPolicy {
        devices: Devices::Refuse,
        ..UnpackPolicy::default()
    };
    let error = unpack_with(&place.store, &place.layer(&device(), Compression::None), &policy).unwrap_err();
    assert!(chain(&error).contains("it is a device"), "{error}");
}

#[test]
fn carried_rights_stay_or_are_stripped() {
    use std::os::unix::fs::PermissionsExt;
    let mut tar = Tar::default();
    let metadata = Metadata {
        xattrs: [("security.capability".to_owned(), capability())].into(),
        ..Metadata::with_mode(0o6755)
    };
    tar.0.extend(encode(b"tool", Body::File { size: 0 }, &metadata));
    let archive = tar.end();
    for (set_id, mode, count) in [(SetId::Keep, 0o6755, 1), (SetId::Strip, 0o755, 0)] {
        let place = Place::new();
        let policy = UnpackPolicy {
            set_id,
            ..UnpackPolicy::default()
        };
        let tree = unpack_with(&place.store, &place.layer(&archive, Compression::None), &policy).unwrap();
        let tool = tree.path().join("tool");
        assert_eq!(fs::metadata(&tool).unwrap().permissions().mode() & 0o7777, mode);
        let size = rustix::fs::lgetxattr(&tool, "security.capability", &mut [0u8; 64]);
        assert_eq!(usize::from(size.is_ok()), count, "{set_id:?}");
    }
}

/// `cap_net_bind_service=ep`, revision 2.
fn capability() -> Vec<u8> {
    let mut value = vec![1, 0, 0, 2, 0, 4, 0, 0];
    value.resize(20, 0);
    value
}

#[test]
fn attributes_of_overlayfs_and_of_the_machine_are_not_taken() {
    let mut tar = Tar::default();
    let names = [
        "trusted.overlay.redirect",
        "user.overlay.opaque",
        "security.selinux",
        "user.mine",
    ];
    let xattrs = names
        .into_iter()
        .map(|name| (name.to_owned(), b"/x".to_vec()))
        .collect();
    tar.0.extend(encode(
        b"d",
        Body::Directory,
        &Metadata {
            xattrs,
            ..Metadata::directory()
        },
    ));
    let place = Place::new();
    let tree = place.unpack(&tar.end()).unwrap();
    let mut found = vec![0u8; 1024];
    let count = rustix::fs::llistxattr(tree.path().join("d"), &mut found).unwrap();
    assert_eq!(String::from_utf8_lossy(&found[..count]), "user.mine\0");
}

#[test]
fn whiteouts_hide_what_is_below_and_spare_what_is_beside() {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let archive = Tar::default()
        .file("d/.wh.gone", "")
        .file("d/.wh.replaced", "")
        .file("d/replaced", "new")
        .file("d/also", "new")
        .file("d/.wh.also", "")
        .file(".wh.dir", "")
        .file("dir/f", "new")
        .file("opaque/f", "new")
        .file("opaque/.wh..wh..opq", "")
        .file(".wh..wh.plnk/1.2", "")
        .end();
    let place = Place::new();
    let tree = place.unpack(&archive).unwrap();
    let gone = fs::symlink_metadata(tree.path().join("d/gone")).unwrap();
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
    for kept in ["d/replaced", "d/also", "dir/f", "opaque/f"] {
        assert_eq!(
            fs::read_to_string(tree.path().join(kept)).unwrap(),
            "new",
            "{kept}"
        );
    }
    let mut value = [0u8; 8];
    for directory in ["dir", "opaque"] {
        let count =
            rustix::fs::lgetxattr(tree.path().join(directory), "trusted.overlay.opaque", &mut value).unwrap();
        assert_eq!(&value[..count], b"y", "{directory}");
    }
    assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 3);
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

#[test]
fn one_of_many_at_once_unpacks() {
    let place = Place::new();
    let layer = place.layer(&Tar::default().file("f", "x").end(), Compression::Zstd);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| unpack(&place.store, &layer).unwrap()))
            .collect();
        let trees: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(trees.windows(2).all(|pair| pair[0] == pair[1]));
    });
    assert_eq!(fs::read_dir(place.store.root().join("trees")).unwrap().count(), 1);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_damage_to_an_archive_writes_outside_or_panics(at in 0usize..3000, value: u8, swap in 0usize..3000) {
            let mut archive = Tar::default().directory("d").file("d/f", "text").symlink("s", "../x").hard_link("h", "d/f").end();
            let length = archive.len();
            archive[at % length] = value;
            archive.swap(at % length, swap % length);
            let place = Place::new();
            let _ = place.unpack(&archive);
            let names: Vec<_> = fs::read_dir(place.base.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
            prop_assert_eq!(names, ["store"]);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
            let mut reader = Reader::new(bytes.as_slice());
            while let Ok(Some(_)) = reader.next() {}
        }
    }
}
