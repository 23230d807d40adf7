//! Images for others: an OCI image layout, or one archive that skopeo, podman and `docker load` all take.
//!
//! The archive is an OCI layout in a tar with Docker's `manifest.json` beside `index.json`, as Docker itself saves
//! since version 25. Two separate formats lost: people would have to know which tool they will use.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use coracle_content::{Blob, Store, StoreError};
use coracle_spec::{Class, Digest, Failure, ImageRef};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::compression::Compression;
use crate::entry::Metadata;
use crate::image::{Descriptor, Image, ImageError, MANIFEST, to_json, with_compression};
use crate::tar::{BLOCK, Body, encode, padding};

const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const FULL_NAME: &str = "io.containerd.image.name";

/// Where an image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A directory: an OCI image layout, to which the image is added if it is one already.
    Layout(PathBuf),
    /// A file: a tar archive for `docker load`, `podman load` and `skopeo`.
    Archive(PathBuf),
}

impl Output {
    fn path(&self) -> &Path {
        match self {
            Self::Layout(path) | Self::Archive(path) => path,
        }
    }
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
/// The destination is complete or as it was before.
pub fn export(
    store: &Store,
    image: &Image,
    output: &Output,
    compression: Compression,
    reference: &ImageRef,
) -> Result<Image, ExportError> {
    let image = with_compression(store, image, compression)?;
    let content = Content::gather(store, &image, reference)?;
    match output {
        Output::Layout(directory) => write_layout(directory, &content)?,
        Output::Archive(file) => {
            write_archive(file, &content).map_err(|source| failed(output.path(), source))?;
        }
    }
    Ok(image)
}

/// What is written, in either form.
struct Content {
    blobs: Vec<Blob>,
    index: Index,
    docker: Vec<u8>,
}

impl Content {
    fn gather(store: &Store, image: &Image, reference: &ImageRef) -> Result<Self, ExportError> {
        let digests = [image.config, image.manifest]
            .into_iter()
            .chain(image.layers.iter().map(|layer| layer.digest));
        let digests: BTreeSet<Digest> = digests.collect();
        let blobs = digests
            .iter()
            .map(|digest| store.existing_blob(digest))
            .collect::<Result<Vec<_>, _>>()?;
        let manifest = store.existing_blob(&image.manifest)?;
        let docker = to_json(&[DockerManifest::of(image, reference)])?;
        Ok(Self {
            blobs,
            index: Index::of(&manifest, reference),
            docker,
        })
    }
}

/// `index.json` (image-spec, image-layout.md and image-index.md).
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    #[serde(default = "index_type")]
    media_type: String,
    manifests: Vec<Named>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Named {
    #[serde(flatten)]
    descriptor: Descriptor,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    /// What else another tool wrote there.
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

fn index_type() -> String {
    "application/vnd.oci.image.index.v1+json".to_owned()
}

impl Index {
    fn of(manifest: &Blob, reference: &ImageRef) -> Self {
        let descriptor = Descriptor {
            media_type: MANIFEST.to_owned(),
            digest: manifest.digest,
            size: manifest.size,
        };
        let annotations = BTreeMap::from([
            (REF_NAME.to_owned(), reference.tag_or_latest().to_owned()),
            (FULL_NAME.to_owned(), reference.full_name()),
        ]);
        let named = Named {
            descriptor,
            annotations,
            rest: BTreeMap::new(),
        };
        Self {
            schema_version: 2,
            media_type: index_type(),
            manifests: vec![named],
        }
    }

    /// Adds what `other` has under other names.
    fn merge(&mut self, other: Self) {
        let own: Vec<_> = self
            .manifests
            .iter()
            .map(|named| named.annotations.get(REF_NAME).cloned())
            .collect();
        let kept = other
            .manifests
            .into_iter()
            .filter(|named| !own.contains(&named.annotations.get(REF_NAME).cloned()));
        self.manifests.extend(kept);
    }
}

/// An entry of Docker's `manifest.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerManifest {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

impl DockerManifest {
    fn of(image: &Image, reference: &ImageRef) -> Self {
        Self {
            config: blob_name(&image.config),
            repo_tags: vec![reference.familiar_name()],
            layers: image
                .layers
                .iter()
                .map(|layer| blob_name(&layer.digest))
                .collect(),
        }
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Writes blobs first and the index last, each in one piece.
fn write_layout(directory: &Path, content: &Content) -> Result<(), ExportError> {
    let mut index = Index {
        manifests: Vec::new(),
        schema_version: 2,
        media_type: index_type(),
    };
    index
        .manifests
        .extend(content.index.manifests.iter().map(Named::copy));
    if let Some(there) = existing_index(directory)? {
        index.merge(there);
    }
    let write = || -> io::Result<()> {
        fs::create_dir_all(directory.join("blobs/sha256"))?;
        for blob in &content.blobs {
            copy_blob(blob, &directory.join(blob_name(&blob.digest)))?;
        }
        replace(&directory.join("oci-layout"), LAYOUT)?;
        replace(&directory.join("index.json"), &serde_json::to_vec(&index)?)
    };
    write().map_err(|source| failed(directory, source))
}

impl Named {
    fn copy(&self) -> Self {
        Self {
            descriptor: self.descriptor.clone(),
            annotations: self.annotations.clone(),
            rest: self.rest.clone(),
        }
    }
}

fn existing_index(directory: &Path) -> Result<Option<Index>, ExportError> {
    let occupied = || ExportError::Occupied {
        path: directory.to_owned(),
    };
    match fs::read(directory.join("index.json")) {
        Ok(json) => Ok(Some(serde_json::from_slice(&json).map_err(|_| occupied())?)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(directory, error)),
        Err(_) if is_free(directory) => Ok(None),
        Err(_) => Err(occupied()),
    }
}

/// Answers whether `directory` is missing, empty, or an export that was cut off.
fn is_free(directory: &Path) -> bool {
    let Ok(entries) = fs::read_dir(directory) else {
        return true;
    };
    let ours = |name: std::ffi::OsString| name == "blobs" || name == "oci-layout" || is_temporary(&name);
    entries.flatten().all(|entry| ours(entry.file_name()))
}

fn is_temporary(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().ends_with(".partial")
}

fn copy_blob(blob: &Blob, to: &Path) -> io::Result<()> {
    if fs::metadata(to).is_ok_and(|there| there.len() == blob.size) {
        return Ok(());
    }
    write_whole(to, |partial| fs::copy(&blob.path, partial).map(drop))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(path, |partial| fs::write(partial, bytes))
}

/// Lets `write` fill a file beside `path`, then names it so; removes it if that fails.
fn write_whole(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let result = write(&partial).and_then(|()| fs::rename(&partial, path));
    if result.is_err() {
        let _ = fs::remove_file(&partial);
    }
    result
}

fn write_archive(path: &Path, content: &Content) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    write_whole(path, |partial| {
        let mut archive = Archive(BufWriter::with_capacity(256 << 10, fs::File::create(partial)?));
        archive.all(content)?;
        archive.0.flush()
    })
}

struct Archive<W>(W);

impl<W: Write> Archive<W> {
    fn all(&mut self, content: &Content) -> io::Result<()> {
        for directory in ["blobs", "blobs/sha256"] {
            self.0.write_all(&encode(
                directory.as_bytes(),
                Body::Directory,
                &Metadata::directory(),
            ))?;
        }
        for blob in &content.blobs {
            self.blob(blob)?;
        }
        self.bytes("index.json", &serde_json::to_vec(&content.index)?)?;
        self.bytes("manifest.json", &content.docker)?;
        self.bytes("oci-layout", LAYOUT)?;
        self.0.write_all(&[0; 2 * BLOCK])
    }

    fn blob(&mut self, blob: &Blob) -> io::Result<()> {
        self.head(&blob_name(&blob.digest), blob.size)?;
        let copied = io::copy(&mut fs::File::open(&blob.path)?, &mut self.0)?;
        if copied != blob.size {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("blob `{}` is cut off", blob.digest),
            ));
        }
        self.0.write_all(&[0; BLOCK][..padding(copied)])
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.head(name, bytes.len() as u64)?;
        self.0.write_all(bytes)?;
        self.0.write_all(&[0; BLOCK][..padding(bytes.len() as u64)])
    }

    fn head(&mut self, name: &str, size: u64) -> io::Result<()> {
        self.0
            .write_all(&encode(name.as_bytes(), Body::File { size }, &Metadata::file()))
    }
}

fn failed(path: &Path, source: io::Error) -> ExportError {
    ExportError::Write {
        path: path.to_owned(),
        source,
    }
}
