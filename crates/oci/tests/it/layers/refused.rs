//! What makes no layer, and leaves nothing of one.

use coracle_content::Store;
use coracle_oci::{Compression, LayerError, LayerOptions, LayerWriter, Metadata, Trees, write_layer};
use coracle_spec::{Class, Digest, Failure};
use fs_err as fs;

use super::options;
use crate::support::{Mounted, Place, noise};

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
