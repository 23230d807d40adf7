//! Images for others: an OCI image layout, or one archive that skopeo, podman and `docker load` all take.
//!
//! The archive is an OCI layout in a tar with Docker's `manifest.json` beside `index.json`, as Docker itself saves
//! since version 25. Two separate formats lost: people would have to know which tool they will use.

mod archive;
mod document;
mod layout;
mod staging;
mod whole;

use std::io;
use std::path::{Path, PathBuf};

use coracle_content::{Blob, Store, StoreError};
use coracle_spec::{Class, Failure, ImageRef};

use archive::write_archive;
use document::{DockerManifest, NamedIndex};
use layout::write_layout;

use crate::compression::Compression;
use crate::image::{Descriptor, Image, ImageError, MANIFEST, OWN_ARCHITECTURE, to_json, with_compression};
use crate::index::{self, INDEX, Index, assemble_index};

/// Where an image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A directory: an OCI image layout, to which the image is added if it is one already.
    Layout(PathBuf),
    /// A file: a tar archive for `docker load`, `podman load` and `skopeo`.
    Archive(PathBuf),
}

/// Why an image cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The image cannot be read, or its layers not be compressed.
    #[error("cannot prepare the image")]
    Image(#[from] ImageError),
    /// The store lacks a blob of it.
    #[error("cannot read the image from the store")]
    Store(#[from] StoreError),
    /// The destination cannot be written.
    #[error("cannot export the image to `{path}`")]
    Write {
        /// The destination.
        path: PathBuf,
        /// What the file system answered.
        source: io::Error,
    },
    /// The destination holds something else.
    #[error("`{path}` is neither empty nor an OCI image layout")]
    Occupied {
        /// The destination.
        path: PathBuf,
    },
}

impl Failure for ExportError {
    fn class(&self) -> Class {
        match self {
            Self::Image(source) => source.class(),
            Self::Store(source) => source.class(),
            Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => Class::Busy,
            Self::Write { .. } => Class::User,
            Self::Occupied { .. } => Class::Conflict,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Image(source) => source.hint(),
            Self::Store(source) => source.hint(),
            Self::Write { .. } => None,
            Self::Occupied { .. } => Some("name a directory of its own".to_owned()),
        }
    }
}

/// Exports `image` under the name `reference`, its layers compressed so; answers the image as exported, whose
/// digest differs when its layers were compressed anew.
///
/// The destination is complete or as it was before; in a directory that is there already, blobs that nothing names may be
/// left.
pub fn export(
    store: &Store,
    image: &Image,
    output: &Output,
    compression: Compression,
    reference: &ImageRef,
) -> Result<Image, ExportError> {
    let image = with_compression(store, image, compression)?;
    let top = Descriptor {
        media_type: MANIFEST.to_owned(),
        digest: image.manifest,
        size: store.existing_blob(&image.manifest)?.size,
    };
    write(
        output,
        &Content::gather(store, top, std::slice::from_ref(&image), reference)?,
    )?;
    Ok(image)
}

/// Exports the images of several platforms under one name, as [`export`] does one.
///
/// Docker's `manifest.json` knows no platforms: it gets the image for the processors of this machine, or the first
/// one if there is none.
pub fn export_index(
    store: &Store,
    index: &Index,
    output: &Output,
    compression: Compression,
    reference: &ImageRef,
) -> Result<Index, ExportError> {
    let images = index
        .images
        .iter()
        .map(|image| with_compression(store, image, compression))
        .collect::<Result<Vec<_>, _>>()?;
    let index = assemble_index(store, &images)?;
    let top = Descriptor {
        media_type: INDEX.to_owned(),
        digest: index.digest,
        size: store.existing_blob(&index.digest)?.size,
    };
    write(output, &Content::gather(store, top, &index.images, reference)?)?;
    Ok(index)
}

fn write(output: &Output, content: &Content) -> Result<(), ExportError> {
    match output {
        Output::Layout(directory) => write_layout(directory, content),
        Output::Archive(file) => write_archive(file, content).map_err(|source| failed(file, source)),
    }
}

/// What is written, in either form.
struct Content {
    blobs: Vec<Blob>,
    index: NamedIndex,
    docker: Vec<u8>,
}

impl Content {
    /// Gathers `top`, a manifest or an index, with the images that it is or has.
    fn gather(
        store: &Store,
        top: Descriptor,
        images: &[Image],
        reference: &ImageRef,
    ) -> Result<Self, ExportError> {
        let mut digests = index::blobs(images);
        digests.insert(top.digest);
        let blobs = digests
            .iter()
            .map(|digest| store.existing_blob(digest))
            .collect::<Result<Vec<_>, _>>()?;
        let docker: Vec<_> = own(store, images)?
            .map(|image| DockerManifest::of(image, reference))
            .into_iter()
            .collect();
        Ok(Self {
            blobs,
            index: NamedIndex::of(top, reference),
            docker: to_json(&docker)?,
        })
    }
}

/// Answers the image for the processors of this machine, else the first one.
fn own<'a>(store: &Store, images: &'a [Image]) -> Result<Option<&'a Image>, ImageError> {
    for image in images {
        if index::platform(store, image)?.architecture == OWN_ARCHITECTURE {
            return Ok(Some(image));
        }
    }
    Ok(images.first())
}

fn failed(path: &Path, source: io::Error) -> ExportError {
    ExportError::Write {
        path: path.to_owned(),
        source,
    }
}
