//! How much is taken, how deep, and how often at once.

use std::io;

use coracle_spec::ByteSize;
use fs_err as fs;

use super::super::{UnpackError, UnpackLimits, UnpackPolicy, unpack, unpack_with};
use super::archive::Tar;
use super::place::{Place, chain};
use crate::compression::Compression;
use crate::layer::Layer;

fn beyond(place: &Place, layer: &Layer, limits: UnpackLimits) -> UnpackError {
    let policy = UnpackPolicy {
        limits,
        ..UnpackPolicy::default()
    };
    unpack_with(&place.store, layer, &policy).unwrap_err()
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
    let error = beyond(&place, &layer, limits);
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
    let error = beyond(&place, &layer, limits);
    assert!(matches!(error, UnpackError::TooMany { limit: 1 }), "{error:?}");
    assert!(place.is_clean());
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
