//! That a layer's blob holds what its image says: noted once, since trees are kept by what images say.
//!
//! An unpacked tree is found by the layer's `diff_id`, and that stands in a configuration which anybody may write. Without
//! this, an image would get at the files of any layer whose `diff_id` its author knows. Keeping trees by the digests of
//! blobs lost: the same contents, compressed twice, would be unpacked twice.

use std::io;

use coracle_content::{Store, StoreError};
use coracle_spec::{ByteSize, Digest};

use crate::bounded::Bounded;
use crate::compression::{HashingReader, decoder};
use crate::layer::Layer;
use crate::tar::TarError;
use crate::unpack::UnpackError;

/// The kind of record that says what a blob holds, decompressed.
const KIND: &str = "contents";

/// Notes that the blob of `layer` was seen to hold what `layer` says.
pub(crate) fn note(store: &Store, layer: &Layer) -> Result<(), StoreError> {
    store.put_record(KIND, &key(layer), &layer.diff_id)
}

/// Fails if the blob of `layer` holds something else than `layer` says. Reads it, of at most `limit` decompressed bytes,
/// when nobody did before.
pub(crate) fn check(store: &Store, layer: &Layer, limit: ByteSize) -> Result<(), UnpackError> {
    let found = match store.record::<Digest>(KIND, &key(layer))? {
        Some(noted) => noted,
        None => read(store, layer, limit)?,
    };
    if found == layer.diff_id {
        return Ok(());
    }
    Err(UnpackError::Mismatch {
        expected: layer.diff_id,
        found,
    })
}

fn read(store: &Store, layer: &Layer, limit: ByteSize) -> Result<Digest, UnpackError> {
    let blob = store.existing_blob(&layer.digest)?;
    let input = Bounded::new(decoder(&blob, layer.compression)?, limit);
    let mut input = HashingReader::new(input);
    io::copy(&mut input, &mut io::sink()).map_err(TarError::Read)?;
    let found = input.finish();
    store.put_record(KIND, &key(layer), &found)?;
    Ok(found)
}

fn key(layer: &Layer) -> Digest {
    Digest::of_value(&(layer.digest, layer.compression))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metadata;
    use crate::compression::{Compression, recompress};
    use crate::layer::{LayerError, LayerOptions, Trees, write_layer};
    use crate::unpack::unpack;

    fn layer(store: &Store, text: &str, trees: Trees) -> Layer {
        let options = LayerOptions {
            trees,
            ..LayerOptions::default()
        };
        write_layer::<LayerError>(store, &options, |layer| {
            layer.file("hush", &Metadata::file(), text.len() as u64, text.as_bytes())
        })
        .unwrap()
    }

    #[test]
    fn an_image_gets_at_no_tree_but_those_of_its_own_blobs() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let (private, own) = (
            layer(&store, "private", Trees::Now),
            layer(&store, "own", Trees::Later),
        );
        let lie = Layer {
            diff_id: private.diff_id,
            ..own
        };
        for _ in 0..2 {
            let error = unpack(&store, &lie).unwrap_err();
            assert!(matches!(error, UnpackError::Mismatch { .. }), "{error:?}");
        }
        let gzip = recompress(&store, &private, Compression::Gzip).unwrap();
        for honest in [&private, &gzip] {
            assert_eq!(unpack(&store, honest).unwrap().digest(), &private.diff_id);
        }
    }
}
