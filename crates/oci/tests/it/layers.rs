//! Layers as they are written, as they are read again, and as others read them.

use std::collections::BTreeMap;
use std::io::Read;

use coracle_content::{Store, StoreError};
use coracle_oci::{
    Compression, Layer, LayerError, LayerOptions, LayerWriter, Metadata, Trees, recompress, unpack,
    write_layer,
};
use coracle_spec::{Class, Digest, Failure};
use fs_err as fs;
use proptest::prelude::*;

use crate::support::{Mounted, Place, Seen, look, noise};

const EPOCH: i64 = 1_700_000_000;

fn options(compression: Compression, trees: Trees) -> LayerOptions {
    LayerOptions {
        compression,
        epoch: EPOCH,
        trees,
    }
}

fn write(
    store: &Store,
    compression: Compression,
    fill: impl FnOnce(&mut LayerWriter) -> Result<(), LayerError>,
) -> Layer {
    write_layer(store, &options(compression, Trees::Later), fill).unwrap()
}

/// A layer with one of everything.
fn sample(layer: &mut LayerWriter) -> Result<(), LayerError> {
    let mut capable = Metadata {
        mtime: 5,
        ..Metadata::program()
    };
    capable.xattrs.insert("user.note".to_owned(), b"a\0b\n".to_vec());
    layer.directory(
        "etc",
        &Metadata {
            uid: 1,
            gid: 2,
            mtime: 7,
            ..Metadata::with_mode(0o1750)
        },
    )?;
    layer.bytes(
        "etc/hosts",
        &Metadata {
            mtime: EPOCH + 10,
            ..Metadata::file()
        },
        "127.0.0.1 localhost\n",
    )?;
    layer.bytes("/usr/bin/tool", &capable, vec![0x55; 70_000])?;
    layer.bytes(
        "empty",
        &Metadata {
            uid: 4_000_000_000,
            ..Metadata::with_mode(0o4711)
        },
        "",
    )?;
    layer.symlink(
        "bin",
        "usr/bin",
        &Metadata {
            mtime: -1,
            ..Metadata::symlink()
        },
    )?;
    layer.hard_link("usr/bin/again", "usr/bin/tool")?;
    layer.bytes(
        format!("{}/{}/deep", "d".repeat(150), "e".repeat(150)),
        &Metadata::file(),
        "deep",
    )?;
    layer.symlink("long", "t".repeat(300), &Metadata::symlink())?;
    layer.whiteout("etc/gone")?;
    layer.opaque("usr")
}

#[test]
fn the_same_entries_give_the_same_bytes_in_each_compression() {
    let expected = [
        (Compression::None, "cd121da1a186"),
        (Compression::Gzip, "ae54b2100030"),
        (Compression::Zstd, "7913d6c2ebfd"),
    ];
    for (compression, digest) in expected {
        let layer = write(&Place::new().store, compression, sample);
        assert_eq!(layer, write(&Place::new().store, compression, sample));
        assert_eq!(
            layer.digest.short(),
            digest,
            "{compression:?}: a change of the format, or of a compressor, changes every image"
        );
    }
}

#[test]
fn a_large_layer_gives_the_same_bytes_each_time() {
    let fill = |layer: &mut LayerWriter| {
        let noise = noise(4 << 10).repeat(6);
        layer.bytes("noise", &Metadata::file(), noise)
    };
    let first = write(&Place::new().store, Compression::Zstd, fill);
    assert_eq!(first, write(&Place::new().store, Compression::Zstd, fill));
}

#[test]
fn another_program_reads_what_was_written() {
    let place = Place::new();
    let layer = write(&place.store, Compression::None, sample);
    let blob = place.store.existing_blob(&layer.digest).unwrap();
    let mut archive = tar::Archive::new(blob.open().unwrap());
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        let header = entry.header();
        let kind = header.entry_type().as_byte() as char;
        let link = entry
            .link_name()
            .unwrap()
            .map(|link| link.to_str().unwrap().to_owned());
        let facts = (
            kind,
            header.mode().unwrap(),
            header.mtime().ok(),
            text.len(),
            link,
        );
        found.insert(entry.path().unwrap().to_str().unwrap().to_owned(), facts);
    }
    let epoch = Some(EPOCH.cast_unsigned());
    let deep = format!("{}/{}/deep", "d".repeat(150), "e".repeat(150));
    for (path, facts) in [
        ("etc/", ('5', 0o1750, Some(7), 0, None)),
        ("etc/hosts", ('0', 0o644, epoch, 20, None)),
        ("usr/", ('5', 0o755, Some(0), 0, None)),
        ("usr/bin/tool", ('0', 0o755, Some(5), 70_000, None)),
        ("empty", ('0', 0o4711, Some(0), 0, None)),
        ("bin", ('2', 0o777, Some(0), 0, Some("usr/bin".to_owned()))),
        (
            "usr/bin/again",
            ('1', 0o755, Some(5), 0, Some("usr/bin/tool".to_owned())),
        ),
        ("long", ('2', 0o777, Some(0), 0, Some("t".repeat(300)))),
        (&deep, ('0', 0o644, Some(0), 4, None)),
        ("etc/.wh.gone", ('0', 0o644, Some(0), 0, None)),
        ("usr/.wh..wh..opq", ('0', 0o644, Some(0), 0, None)),
    ] {
        assert_eq!(found.get(path), Some(&facts), "{path}");
    }
    assert_eq!(found.len(), 14, "{:?}", found.keys());
}

/// Writes with a tree and without, unpacks the latter, and answers both trees.
fn both_trees(
    fill: impl Fn(&mut LayerWriter) -> Result<(), LayerError>,
) -> (
    BTreeMap<std::path::PathBuf, Seen>,
    BTreeMap<std::path::PathBuf, Seen>,
) {
    let (beside, after) = (Place::new(), Place::new());
    let now = write_layer(&beside.store, &options(Compression::Zstd, Trees::Now), &fill).unwrap();
    let later = write_layer(&after.store, &options(Compression::Zstd, Trees::Later), &fill).unwrap();
    assert_eq!(now, later);
    let tree = beside.store.tree(&now.diff_id).unwrap().unwrap();
    assert_eq!(after.store.tree(&now.diff_id).unwrap(), None);
    let unpacked = unpack(&after.store, &later).unwrap();
    (look(tree.path()), look(unpacked.path()))
}

#[test]
fn the_tree_beside_a_layer_is_the_one_that_unpacking_gives() {
    let (beside, mut unpacked) = both_trees(sample);
    for (path, seen) in &beside {
        assert_eq!(Some(seen), unpacked.remove(path).as_ref(), "{}", path.display());
    }
    assert!(unpacked.is_empty(), "{unpacked:?}");
}

#[test]
fn a_tree_has_what_its_entries_say() {
    let (tree, _) = both_trees(sample);
    let at = |path: &str| &tree[std::path::Path::new(path)];
    assert_eq!(
        (at("etc").mode, at("etc").owner, at("etc").mtime),
        (0o41750, (1, 2), 7)
    );
    assert_eq!((at("etc/hosts").mode, at("etc/hosts").mtime), (0o100_644, EPOCH));
    assert_eq!(
        (at("empty").mode, at("empty").owner),
        (0o104_711, (4_000_000_000, 0))
    );
    assert_eq!(
        (at("bin").contents.as_slice(), at("bin").mtime),
        (b"usr/bin".as_slice(), -1)
    );
    assert_eq!((at("usr/bin/tool").names, at("usr/bin/again").names), (2, 2));
    assert_eq!(at("usr/bin/tool").xattrs["user.note"], b"a\0b\n");
    assert_eq!(
        (
            at("etc/gone").mode & 0o170_000,
            at("etc/gone").contents.as_slice()
        ),
        (0o020_000, [0; 8].as_slice())
    );
    assert_eq!(at("usr").xattrs["trusted.overlay.opaque"], b"y");
}

#[test]
fn a_second_write_of_what_is_there_changes_nothing() {
    let place = Place::new();
    let write = || write_layer(&place.store, &options(Compression::Zstd, Trees::Now), sample).unwrap();
    assert_eq!(write(), write());
    assert_eq!(
        (place.names("blobs/sha256").len(), place.names("trees").len()),
        (1, 1)
    );
    assert!(place.names("scratch").is_empty());
}

#[test]
fn what_would_make_a_wrong_layer_is_refused_and_leaves_nothing() {
    type Fill = fn(&mut LayerWriter) -> Result<(), LayerError>;
    let cases: [(&str, Fill, &str); 9] = [
        (
            "twice",
            |layer| {
                layer
                    .bytes("a", &Metadata::file(), "")
                    .and(layer.bytes("./a", &Metadata::file(), ""))
            },
            "already",
        ),
        (
            "in a file",
            |layer| {
                layer
                    .bytes("a", &Metadata::file(), "")
                    .and(layer.bytes("a/b", &Metadata::file(), ""))
            },
            "no directory",
        ),
        (
            "in a link",
            |layer| {
                layer
                    .symlink("a", "/", &Metadata::symlink())
                    .and(layer.bytes("a/b", &Metadata::file(), ""))
            },
            "no directory",
        ),
        (
            "link to nothing",
            |layer| layer.hard_link("a", "b"),
            "no file earlier",
        ),
        (
            "link to a directory",
            |layer| {
                layer
                    .directory("b", &Metadata::directory())
                    .and(layer.hard_link("a", "b"))
            },
            "no file earlier",
        ),
        (
            "up",
            |layer| layer.bytes("../a", &Metadata::file(), ""),
            "unusable path",
        ),
        (
            "file as root",
            |layer| layer.bytes("/", &Metadata::file(), ""),
            "already",
        ),
        (
            "too short",
            |layer| layer.file("a", &Metadata::file(), 5, b"four".as_slice()),
            "changed",
        ),
        (
            "too long",
            |layer| layer.file("a", &Metadata::file(), 3, b"four".as_slice()),
            "changed",
        ),
    ];
    for (name, fill, expected) in cases {
        let place = Place::new();
        let error = write_layer(&place.store, &LayerOptions::default(), fill).unwrap_err();
        assert!(error.to_string().contains(expected), "{name}: {error}");
        for folder in ["blobs/sha256", "trees", "scratch"] {
            assert!(
                place.names(folder).is_empty(),
                "{name} left something in {folder}"
            );
        }
    }
}

#[test]
fn a_file_that_is_not_what_was_hashed_makes_no_layer() {
    let place = Place::new();
    let write = |text: &'static str| {
        write_layer(&place.store, &LayerOptions::default(), |layer| {
            layer.expected_file("f", &Metadata::file(), (3, &Digest::of("one")), text.as_bytes())
        })
    };
    write("one").unwrap();
    let error = write("two").unwrap_err();
    assert!(matches!(error, LayerError::Changed { .. }), "{error:?}");
    assert_eq!(error.class(), Class::Conflict);
    assert_eq!(place.names("blobs/sha256").len(), 1);
}

#[test]
fn compressing_anew_keeps_the_contents_and_is_done_once() {
    let place = Place::new();
    let zstd = write(&place.store, Compression::Zstd, sample).noted("sample");
    let gzip = recompress(&place.store, &zstd, Compression::Gzip).unwrap();
    assert_eq!(
        (gzip.diff_id, gzip.compression, &gzip.note),
        (zstd.diff_id, Compression::Gzip, &zstd.note)
    );
    assert_eq!(gzip.digest, write(&place.store, Compression::Gzip, sample).digest);
    assert_eq!(recompress(&place.store, &gzip, Compression::Zstd).unwrap(), zstd);

    let blob = place.store.existing_blob(&zstd.digest).unwrap();
    fs::write(&blob.path, "spoilt").unwrap();
    assert_eq!(
        recompress(&place.store, &zstd, Compression::Gzip).unwrap(),
        gzip,
        "it was remembered"
    );
}

#[test]
fn a_layer_that_is_not_what_it_says_is_not_compressed_anew() {
    let place = Place::new();
    let layer = Layer {
        diff_id: Digest::of("other"),
        ..write(&place.store, Compression::Zstd, sample)
    };
    let error = recompress(&place.store, &layer, Compression::Gzip).unwrap_err();
    assert!(matches!(error, StoreError::Mismatch { .. }), "{error:?}");
    assert_eq!(place.names("blobs/sha256").len(), 1);
}

#[test]
fn a_full_disk_is_said_and_leaves_no_part_of_a_layer() {
    let place = Place::new();
    let disk = Mounted::new("tmpfs", &place.path("disk"), "size=1m");
    let store = Store::open(&disk.path().join("store")).unwrap();
    let noise = noise(3 << 10);
    for trees in [Trees::Now, Trees::Later] {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let fill = |layer: &mut LayerWriter| layer.bytes("noise", &Metadata::file(), &noise);
            let error = write_layer(&store, &options(compression, trees), fill).unwrap_err();
            assert_eq!(error.class(), Class::Busy, "{error:?}");
            assert!(error.hint().unwrap().contains("free space"));
            for folder in ["blobs/sha256", "trees", "scratch"] {
                assert_eq!(
                    fs::read_dir(store.root().join(folder)).unwrap().count(),
                    0,
                    "{folder}"
                );
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Thing {
    Directory,
    File(Vec<u8>),
    Symlink(String),
    HardLink(usize),
    Whiteout,
}

fn things() -> impl Strategy<Value = Vec<(String, Thing, u32, i64)>> {
    let name = prop_oneof![4 => "[a-c]", 1 => "[a-zA-Z0-9 _.é-]{1,120}x"];
    let path = prop::collection::vec(name, 1..5).prop_map(|names| names.join("/"));
    let thing = prop_oneof![
        2 => Just(Thing::Directory),
        4 => prop::collection::vec(any::<u8>(), 0..1500).prop_map(Thing::File),
        1 => "[a-z/.]{1,150}".prop_map(Thing::Symlink),
        1 => any::<usize>().prop_map(Thing::HardLink),
        1 => Just(Thing::Whiteout),
    ];
    prop::collection::vec((path, thing, 0u32..0o10000, -5i64..2 * EPOCH), 0..25)
}

/// Adds what can be added; what does not fit what is there already is left out.
fn add(layer: &mut LayerWriter, things: &[(String, Thing, u32, i64)]) -> Result<(), LayerError> {
    let mut files = Vec::new();
    for (path, thing, mode, mtime) in things {
        let metadata = Metadata {
            mtime: *mtime,
            uid: *mode,
            ..Metadata::with_mode(*mode)
        };
        let added = match thing {
            Thing::Directory => layer.directory(path, &metadata),
            Thing::File(contents) => layer.bytes(path, &metadata, contents).map(|()| files.push(path)),
            Thing::Symlink(target) => layer.symlink(path, target, &metadata),
            Thing::HardLink(_) if files.is_empty() => Ok(()),
            Thing::HardLink(which) => layer.hard_link(path, files[which % files.len()]),
            Thing::Whiteout if layer.contains(path) => Ok(()),
            Thing::Whiteout => layer.whiteout(path),
        };
        match added {
            Err(LayerError::Duplicate { .. } | LayerError::NotInDirectory { .. }) => {}
            result => result?,
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_layer_unpacks_to_the_tree_that_was_made_beside_it(things in things()) {
        let (beside, unpacked) = both_trees(|layer| add(layer, &things));
        prop_assert!(beside == unpacked, "{:?}", beside.iter().find(|(path, seen)| unpacked.get(*path) != Some(*seen)));
    }
}
