//! Archives that are cut off, or go on.

use coracle_spec::Digest;

use super::super::{UnpackError, unpack};
use super::archive::Tar;
use super::place::{Place, chain};
use crate::compression::Compression;
use crate::layer::Layer;
use crate::tar::{Reader, TarError};

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
