//! What is in an archive, sorted as it is read.

use std::collections::BTreeMap;
use std::io::{self, Read};

use coracle_content::{Store, StoreError};
use coracle_spec::Digest;

use super::{ImportError, ImportLimits};
use crate::bounded::Bounded;
use crate::compression::{Compression, Encoder, HashingReader};
use crate::image::MAX_DOCUMENT;
use crate::layer::Layer;
use crate::path::LayerPath;
use crate::tar::{Entry, Kind, Reader, TarError};

/// Where an OCI layout has its blobs (image-spec, image-layout.md).
const BLOBS: &str = "blobs/sha256/";
/// What `docker save` calls a layer in the folder of its own that it has.
const LAYER: &str = "/layer.tar";
const BUFFER: usize = 256 << 10;

/// What is in an archive. Blobs and layers are in the store.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Files at the top that say what there is.
    documents: BTreeMap<String, Vec<u8>>,
    /// Layers by the names that `docker save` gives them.
    layers: BTreeMap<String, Layer>,
    /// Further names of layers.
    links: BTreeMap<String, String>,
    /// Blobs by their paths.
    blobs: BTreeMap<String, Digest>,
}

impl Contents {
    /// Reads an archive to its end.
    pub(super) fn read(
        store: &Store,
        archive: impl Read,
        limits: &ImportLimits,
    ) -> Result<Self, ImportError> {
        let input = io::BufReader::with_capacity(BUFFER, archive);
        let mut reading = Reading {
            store,
            archive: Reader::new(Bounded::new(input, limits.bytes)),
            contents: Self::default(),
        };
        let mut entries = 0;
        while let Some(entry) = reading.archive.next()? {
            entries += 1;
            if entries > limits.entries {
                return Err(ImportError::TooMany {
                    limit: limits.entries,
                });
            }
            reading.entry(&entry)?;
        }
        Ok(reading.contents)
    }

    /// Answers a file at the archive's top.
    pub(super) fn document(&self, name: &str) -> Option<&[u8]> {
        self.documents.get(name).map(Vec::as_slice)
    }

    /// Answers the layer of this name.
    pub(super) fn layer(&self, name: &str) -> Option<&Layer> {
        let name = self.links.get(name).map_or(name, String::as_str);
        self.layers.get(name)
    }

    /// Answers the blob at this path.
    pub(super) fn blob(&self, path: &str) -> Option<&Digest> {
        self.blobs.get(path)
    }
}

struct Reading<'a, R> {
    store: &'a Store,
    archive: Reader<R>,
    contents: Contents,
}

impl<R: Read> Reading<'_, R> {
    fn entry(&mut self, entry: &Entry) -> Result<(), ImportError> {
        let path = LayerPath::parse(&entry.path)?;
        let path = path.as_path().to_string_lossy().into_owned();
        match &entry.kind {
            Kind::File => self.file(path, entry.size),
            Kind::Symlink { target } | Kind::HardLink { target } if path.ends_with(LAYER) => {
                self.link(path, &String::from_utf8_lossy(target));
                Ok(())
            }
            // Folders, and what older versions of Docker add.
            _ => Ok(()),
        }
    }

    fn file(&mut self, path: String, size: u64) -> Result<(), ImportError> {
        if let Some(digest) = path.strip_prefix(BLOBS).and_then(digest) {
            self.blob(digest)?;
            self.contents.blobs.insert(path, digest);
        } else if path.ends_with(LAYER) {
            let layer = self.layer()?;
            self.contents.layers.insert(path, layer);
        } else if let Some(digest) = path.strip_suffix(".json").and_then(digest) {
            // An image's configuration, as `docker save` has it at the top.
            self.blob(digest)?;
            self.contents.blobs.insert(path, digest);
        } else if matches!(path.as_str(), "index.json" | "manifest.json") {
            let bytes = self.document(&path, size)?;
            self.contents.documents.insert(path, bytes);
        }
        Ok(())
    }

    /// Notes another name of a layer: in the archive, links lead from the folder that they are in, or from the top.
    fn link(&mut self, path: String, target: &str) {
        let target = target.strip_prefix("../").unwrap_or(target);
        self.contents.links.insert(path, target.to_owned());
    }

    fn blob(&mut self, digest: Digest) -> Result<(), ImportError> {
        let writer = self.store.write_blob()?;
        let place = writer.path().to_owned();
        let mut writer = io::BufWriter::with_capacity(BUFFER, writer);
        copy(&mut self.archive, &mut writer, &place)?;
        let writer = writer.into_inner().map_err(io::IntoInnerError::into_error);
        let writer = writer.map_err(|error| StoreError::io("write", &place, error))?;
        match writer.commit_expecting(&digest) {
            Err(source @ StoreError::Mismatch { .. }) => Err(ImportError::Blob { digest, source }),
            committed => Ok(committed.map(drop)?),
        }
    }

    /// Compresses a layer as images that stay are compressed.
    fn layer(&mut self) -> Result<Layer, ImportError> {
        let mut encoder = Encoder::new(self.store, Compression::default())?;
        let place = encoder.path().to_owned();
        let mut contents = HashingReader::new(&mut self.archive);
        copy(&mut contents, &mut encoder, &place)?;
        let (diff_id, compression) = (contents.finish(), encoder.compression());
        let blob = encoder.commit()?;
        Ok(Layer {
            diff_id,
            digest: blob.digest,
            size: blob.size,
            compression,
            note: String::new(),
        })
    }

    fn document(&mut self, name: &str, size: u64) -> Result<Vec<u8>, ImportError> {
        if size > MAX_DOCUMENT {
            return Err(ImportError::Large {
                name: name.to_owned(),
                size,
            });
        }
        let mut bytes = Vec::new();
        self.archive.read_to_end(&mut bytes).map_err(TarError::Read)?;
        Ok(bytes)
    }
}

/// Copies, and tells apart on which side it failed.
fn copy(from: &mut impl Read, to: &mut impl io::Write, place: &std::path::Path) -> Result<(), ImportError> {
    let mut piece = vec![0; BUFFER];
    loop {
        let count = from.read(&mut piece).map_err(TarError::Read)?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(&piece[..count])
            .map_err(|error| StoreError::io("write", place, error))?;
    }
}

/// Reads a digest without the name of its algorithm.
fn digest(hex: &str) -> Option<Digest> {
    format!("sha256:{hex}").parse().ok()
}
