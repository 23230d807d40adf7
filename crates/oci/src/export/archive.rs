//! A file: a layout in a tar, with what Docker looks for in it.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use coracle_content::Blob;
use fs_err as fs;

use super::Content;
use super::document::{LAYOUT, blob_name};
use super::whole::write_whole;
use crate::entry::Metadata;
use crate::tar::{BLOCK, Body, encode, padding};

pub(super) fn write_archive(path: &Path, content: &Content) -> io::Result<()> {
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
