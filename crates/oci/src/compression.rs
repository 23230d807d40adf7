//! Compression of layers: the same bytes for the same contents on every machine.

use std::io::{self, BufWriter, Read, Write};

use coracle_content::{Blob, BlobWriter, Store, StoreError};
use coracle_spec::{Digest, Hasher};
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::layer::Layer;
use crate::witness;

/// Fixed, since the format's output may differ between one thread and several, though not between counts of them.
const ZSTD_WORKERS: u32 = 2;
const ZSTD_LEVEL: i32 = 3;
const GZIP_LEVEL: u32 = 6;
const BUFFER: usize = 256 << 10;
const PIECE: usize = 128 << 10;

/// How a layer's blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, which everything reads: for images that leave.
    Gzip,
    /// Zstandard, five times as fast and smaller: for images that stay.
    #[default]
    Zstd,
}

impl Compression {
    /// Answers the media type of a layer so compressed (image-spec, layer.md and media-types.md).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::None => "application/vnd.oci.image.layer.v1.tar",
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }

    /// Answers what a media type, OCI's or Docker's, says of compression.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            "application/vnd.docker.image.rootfs.diff.tar.gzip" => Some(Self::Gzip),
            "application/vnd.docker.image.rootfs.diff.tar" => Some(Self::None),
            other => [Self::None, Self::Gzip, Self::Zstd]
                .into_iter()
                .find(|known| known.media_type() == other),
        }
    }
}

/// Compresses a layer's blob anew; the contents, and so the layer's `diff_id`, stay.
///
/// The result is remembered, so that exporting the same layer again costs a look-up.
pub fn recompress(store: &Store, layer: &Layer, compression: Compression) -> Result<Layer, StoreError> {
    recompress_unless(store, layer, compression, || false)
}

/// Does what [`recompress`] does, unless it is given up, which is asked for each piece: then it fails, soon, and leaves
/// nothing.
pub fn recompress_unless(
    store: &Store,
    layer: &Layer,
    compression: Compression,
    given_up: impl Fn() -> bool,
) -> Result<Layer, StoreError> {
    if layer.compression == compression {
        return Ok(layer.clone());
    }
    let key = Digest::of_value(&(layer.digest, compression));
    if let Some(known) = store.record::<Layer>("recompressed", &key)?
        && store.blob(&known.digest)?.is_some()
    {
        return Ok(Layer {
            note: layer.note.clone(),
            ..known
        });
    }
    let source = store.existing_blob(&layer.digest)?;
    let mut encoder = Encoder::new(store, compression)?;
    let mut input = HashingReader::new(Wanted {
        input: decoder(&source, layer.compression)?,
        given_up,
    });
    io::copy(&mut input, &mut encoder).map_err(|error| StoreError::io("recompress", &source.path, error))?;
    let found = input.finish();
    if found != layer.diff_id {
        return Err(StoreError::Mismatch {
            expected: layer.diff_id,
            found,
        });
    }
    let blob = encoder.commit()?;
    let result = Layer {
        digest: blob.digest,
        size: blob.size,
        compression,
        ..layer.clone()
    };
    store.put_record("recompressed", &key, &result)?;
    witness::note(store, &result)?;
    Ok(result)
}

/// What is read until it is given up.
struct Wanted<R, F> {
    input: R,
    given_up: F,
}

impl<R: Read, F: Fn() -> bool> Read for Wanted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.given_up)() {
            return Err(io::Error::other("it is not wanted any more"));
        }
        self.input.read(buffer)
    }
}

/// Answers what `blob` holds, decompressed.
pub(crate) fn decoder(blob: &Blob, compression: Compression) -> Result<Box<dyn Read>, StoreError> {
    let file = blob.open()?;
    decode(file, compression).map_err(|error| StoreError::io("decompress", &blob.path, error))
}

fn decode(file: fs::File, compression: Compression) -> io::Result<Box<dyn Read>> {
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(BUFFER, file))),
        Compression::Zstd => Box::new(zstd::Decoder::new(file)?),
    })
}

/// Compresses into a blob.
///
/// The compressors see the contents in pieces of one size, since where pieces end may show in what they write.
pub(crate) struct Encoder {
    piece: Vec<u8>,
    sink: Sink,
    compression: Compression,
    path: std::path::PathBuf,
}

enum Sink {
    Plain(BufWriter<BlobWriter>),
    Gzip(GzEncoder<BufWriter<BlobWriter>>),
    Zstd(zstd::Encoder<'static, BufWriter<BlobWriter>>),
}

impl Encoder {
    pub(crate) fn new(store: &Store, compression: Compression) -> Result<Self, StoreError> {
        let blob = store.write_blob()?;
        let path = blob.path().to_owned();
        let output = BufWriter::with_capacity(BUFFER, blob);
        let sink = match compression {
            Compression::None => Sink::Plain(output),
            Compression::Gzip => Sink::Gzip(GzEncoder::new(output, flate2::Compression::new(GZIP_LEVEL))),
            Compression::Zstd => {
                Sink::Zstd(zstd_encoder(output).map_err(|error| StoreError::io("start", &path, error))?)
            }
        };
        Ok(Self {
            piece: Vec::with_capacity(PIECE),
            sink,
            compression,
            path,
        })
    }

    /// Ends the stream and stores the blob.
    pub(crate) fn commit(self) -> Result<Blob, StoreError> {
        let Self {
            piece, sink, path, ..
        } = self;
        sink.finish(&piece)
            .map_err(|error| StoreError::io("write", &path, error))?
            .commit()
    }

    pub(crate) fn compression(&self) -> Compression {
        self.compression
    }

    /// Answers where the unfinished blob lies, for messages.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }
}

fn zstd_encoder(output: BufWriter<BlobWriter>) -> io::Result<zstd::Encoder<'static, BufWriter<BlobWriter>>> {
    let mut encoder = zstd::Encoder::new(output, ZSTD_LEVEL)?;
    encoder.multithread(ZSTD_WORKERS)?;
    Ok(encoder)
}

impl Write for Encoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..count]);
        if self.piece.len() == PIECE {
            self.sink.write(&self.piece)?;
            self.piece.clear();
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    fn finish(mut self, last: &[u8]) -> io::Result<BlobWriter> {
        self.write(last)?;
        let output = match self {
            Self::Plain(output) => output,
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        output.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// Hashes, counts and bounds what is read through it.
pub(crate) struct HashingReader<R> {
    input: R,
    hasher: Hasher,
}

impl<R: Read> HashingReader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            hasher: Hasher::default(),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        self.hasher.finish()
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
