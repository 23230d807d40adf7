//! Writing a layer: one pass makes the compressed blob, both digests and the unpacked tree.

mod error;
mod staged;
mod writer;

use coracle_content::Store;
use coracle_spec::Digest;
use serde::{Deserialize, Serialize};

use crate::compression::Compression;
use crate::witness;

pub use error::LayerError;
pub(crate) use staged::StagedWriter;
pub use writer::LayerWriter;

/// A layer whose blob is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The digest of the uncompressed tar; the unpacked tree is kept under it.
    pub diff_id: Digest,
    /// The digest of the blob.
    pub digest: Digest,
    /// The size of the blob in bytes.
    pub size: u64,
    /// How the blob is compressed.
    pub compression: Compression,
    /// What made it, for an image's history.
    #[serde(default)]
    pub note: String,
}

impl Layer {
    /// Answers the layer with a note for the image's history.
    #[must_use]
    pub fn noted(self, note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            ..self
        }
    }

    /// Answers the media type of the blob.
    pub fn media_type(&self) -> &'static str {
        self.compression.media_type()
    }
}

/// How layers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerOptions {
    /// How the blob is compressed.
    pub compression: Compression,
    /// The latest time that an entry may have, in seconds since 1970; later ones become this. `i64::MAX` leaves
    /// all as they are.
    pub epoch: i64,
    /// When the unpacked tree is made.
    pub trees: Trees,
}

/// When a layer's unpacked tree is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trees {
    /// While the layer is written: for what will run here.
    #[default]
    Now,
    /// When [`crate::unpack()`] is called, if ever.
    Later,
}

/// Writes a layer: `fill` adds its entries, in an order that depends on nothing but them.
///
/// Nothing is stored when `fill` fails.
pub fn write_layer<E: From<LayerError>>(
    store: &Store,
    options: &LayerOptions,
    fill: impl FnOnce(&mut LayerWriter) -> Result<(), E>,
) -> Result<Layer, E> {
    let mut writer = LayerWriter::new(store, options)?;
    fill(&mut writer)?;
    let layer = writer.finish()?;
    witness::note(store, &layer).map_err(LayerError::from)?;
    Ok(layer)
}
