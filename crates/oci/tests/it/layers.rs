//! Layers as they are written, as they are read again, and as others read them.

mod any;
mod refused;

use std::collections::BTreeMap;
use std::io::Read;

use coracle_content::{Store, StoreError};
use coracle_oci::{
    Compression, Layer, LayerError, LayerOptions, LayerWriter, Metadata, Trees, recompress, unpack,
    write_layer,
};
use coracle_spec::Digest;
use fs_err as fs;

use crate::support::{Place, Seen, look, noise};

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
