//! What of an image a registry is to have, and how layers become what is wanted while others are sent.
//!
//! Compressing takes a processor and sending takes the network, so neither waits for the other: as many layers as there
//! are processors are compressed ahead of those that are sent. Each goes through a file of the store, a piece at a time,
//! so memory is bounded whatever a layer's size. Compressing into the connection lost: a blob is asked for by its digest
//! before any of it is sent, and what breaks is sent again from the middle.

use std::collections::BTreeMap;
use std::thread::available_parallelism;

use coracle_content::Store;
use coracle_oci::{Compression, Layer, assemble_index, load, recompress_unless, with_compression};
use coracle_spec::Digest;
use coracle_tasks::CancellationToken;
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt, stream};
use tokio_util::task::TaskTracker;

use super::Layers;
use crate::client::Client;
use crate::document::Document;
use crate::error::DistributionError;
use crate::manifest::LARGEST;
use crate::progress::{Part, Transfer};
use crate::sink::joined;

/// How a blob comes to be what the registry is to have.
#[derive(Debug, Clone)]
enum Piece {
    /// It is that.
    Ready(Transfer),
    /// A layer is compressed so.
    Compressed(Layer, Compression),
}

/// The blobs of an image, or of all images of an index. Each is there once; the largest come first, so that none of
/// them is what is still to do when everything else is done.
#[derive(Debug)]
pub(super) struct Pieces(Vec<Piece>);

impl Layers {
    /// Answers the compression that is wanted, if one is.
    fn compression(self) -> Option<Compression> {
        match self {
            Self::Gzip => Some(Compression::Gzip),
            Self::Zstd => Some(Compression::Zstd),
            Self::Kept => None,
        }
    }
}

impl Client {
    /// Lists what the registry is to have of an image, manifests apart.
    pub(super) async fn pieces(&self, top: Digest) -> Result<Pieces, DistributionError> {
        let (store, layers) = (self.store.clone(), self.layers);
        let list = move || Pieces::of(&store, top, layers);
        joined(tokio::task::spawn_blocking(list).await)?
    }

    /// Answers the manifests that the registry is to have, in the order in which they are pushed: the last one gets the
    /// name. Layers that are not compressed yet are, one after another.
    pub(super) async fn manifests(&self, top: Digest) -> Result<Vec<Digest>, DistributionError> {
        let (store, layers) = (self.store.clone(), self.layers);
        let list = move || manifests(&store, top, layers.compression());
        joined(tokio::task::spawn_blocking(list).await)?
    }

    /// Makes the pieces, some ahead of who takes them, and answers them as they are made. Until the threads that make
    /// them are done, `threads` says so.
    pub(super) fn made(
        &self,
        pieces: Pieces,
        threads: &TaskTracker,
    ) -> impl Stream<Item = Result<Transfer, DistributionError>> + Send + use<> {
        let (store, threads) = (self.store.clone(), threads.clone());
        let ahead = available_parallelism().map_or(1, usize::from);
        stream::iter(pieces.0)
            .map(move |piece| make(store.clone(), piece, threads.clone()))
            .buffer_unordered(ahead)
    }
}

impl Pieces {
    fn of(store: &Store, top: Digest, layers: Layers) -> Result<Self, DistributionError> {
        let mut pieces = BTreeMap::new();
        for image in images(store, top)?.unwrap_or_else(|| vec![top]) {
            pieces.extend(match layers.compression() {
                None => pieces_as_they_are(store, image)?,
                Some(compression) => pieces_compressed(store, image, compression)?,
            });
        }
        let mut pieces: Vec<_> = pieces.into_values().collect();
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.size()));
        Ok(Self(pieces))
    }
}

impl Piece {
    fn size(&self) -> u64 {
        match self {
            Self::Ready(transfer) => transfer.size,
            Self::Compressed(layer, _) => layer.size,
        }
    }
}

/// Makes a piece. Dropped before its end, it leaves nothing, once its thread has noticed.
fn make(
    store: Store,
    piece: Piece,
    threads: TaskTracker,
) -> BoxFuture<'static, Result<Transfer, DistributionError>> {
    async move {
        match piece {
            Piece::Ready(transfer) => Ok(transfer),
            Piece::Compressed(layer, compression) => compress(store, layer, compression, &threads).await,
        }
    }
    .boxed()
}

async fn compress(
    store: Store,
    layer: Layer,
    compression: Compression,
    threads: &TaskTracker,
) -> Result<Transfer, DistributionError> {
    let (given_up, token) = (CancellationToken::new(), threads.token());
    let _wanted = given_up.clone().drop_guard();
    let compress = move || {
        let layer = recompress_unless(&store, &layer, compression, || given_up.is_cancelled());
        drop(token);
        layer
    };
    let layer = joined(tokio::task::spawn_blocking(compress).await)??;
    Ok(transfer_of(&layer))
}

fn transfer_of(layer: &Layer) -> Transfer {
    Transfer {
        digest: layer.digest,
        size: layer.size,
        part: Part::Layer,
    }
}

/// Answers the blobs of an image by their digests, as its manifest names them.
fn pieces_as_they_are(store: &Store, image: Digest) -> Result<Vec<(Digest, Piece)>, DistributionError> {
    let name = image.to_string();
    let Document::Manifest(manifest) = read(store, image)? else {
        return Ok(Vec::new());
    };
    let layers = manifest.layers.iter().map(|layer| (layer, Part::Layer));
    layers
        .chain([(&manifest.config, Part::Config)])
        .map(|(descriptor, part)| {
            let digest = descriptor.digest(&name)?;
            let size = descriptor.size;
            Ok((digest, Piece::Ready(Transfer { digest, size, part })))
        })
        .collect()
}

/// Answers the blobs of an image by the digests that they have now.
fn pieces_compressed(
    store: &Store,
    image: Digest,
    compression: Compression,
) -> Result<Vec<(Digest, Piece)>, DistributionError> {
    let image = load(store, &image)?;
    let config = store.existing_blob(&image.config)?;
    let config = Piece::Ready(Transfer {
        digest: config.digest,
        size: config.size,
        part: Part::Config,
    });
    let layers = image.layers.into_iter().map(|layer| {
        let digest = layer.digest;
        let piece = if layer.compression == compression {
            Piece::Ready(transfer_of(&layer))
        } else {
            Piece::Compressed(layer, compression)
        };
        (digest, piece)
    });
    Ok(layers.chain([(image.config, config)]).collect())
}

fn manifests(
    store: &Store,
    top: Digest,
    compression: Option<Compression>,
) -> Result<Vec<Digest>, DistributionError> {
    let Some(old) = images(store, top)? else {
        return Ok(vec![converted(store, top, compression)?]);
    };
    let mut manifests = old
        .iter()
        .map(|image| converted(store, *image, compression))
        .collect::<Result<Vec<_>, _>>()?;
    let top = if old == manifests {
        top
    } else {
        index(store, &manifests)?
    };
    manifests.push(top);
    Ok(manifests)
}

/// Answers the image with its layers compressed so.
fn converted(
    store: &Store,
    image: Digest,
    compression: Option<Compression>,
) -> Result<Digest, DistributionError> {
    let Some(compression) = compression else {
        return Ok(image);
    };
    let image = load(store, &image)?;
    Ok(with_compression(store, &image, compression)?.manifest)
}

fn index(store: &Store, images: &[Digest]) -> Result<Digest, DistributionError> {
    let images = images
        .iter()
        .map(|image| load(store, image))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(assemble_index(store, &images)?.digest)
}

/// Answers the images that an index names; `None` for an image.
fn images(store: &Store, top: Digest) -> Result<Option<Vec<Digest>>, DistributionError> {
    let Document::Index(entries) = read(store, top)? else {
        return Ok(None);
    };
    let name = top.to_string();
    let images = entries.iter().map(|entry| entry.digest(&name));
    images.collect::<Result<Vec<_>, _>>().map(Some)
}

fn read(store: &Store, digest: Digest) -> Result<Document, DistributionError> {
    let bytes = store.existing_blob(&digest)?.read(LARGEST)?;
    Document::read(&digest.to_string(), &bytes)
}
