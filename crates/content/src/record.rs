//! Records: small JSON values by kind and key, such as the result of a step.
//!
//! A record is a cache: it is written without a sync, and one that a power cut tore reads as absent. The first line
//! is the digest of the rest.
//!
//! A record that names no digest is a note rather than a cache, and stays for ever.

use std::io::{self, Write};
use std::path::PathBuf;

use coracle_spec::Digest;
use fs_err as fs;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Context, StoreError};
use crate::store::Store;
use crate::touch;

impl Store {
    /// Looks a record up. One of another shape, or torn, is absent.
    pub fn record<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        key: &Digest,
    ) -> Result<Option<T>, StoreError> {
        let path = self.record_path(kind, key);
        match fs::read(&path) {
            Ok(text) => {
                touch::used_at(&path);
                Ok(sealed(&text).and_then(|json| serde_json::from_slice(json).ok()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("read", &path),
        }
    }

    /// Notes that a record was of use, for the order of collection, without reading it.
    pub fn use_record(&self, kind: &'static str, key: &Digest) {
        touch::used_at(&self.record_path(kind, key));
    }

    /// Writes a record in one piece, over the one that was there.
    pub fn put_record<T: Serialize>(
        &self,
        kind: &'static str,
        key: &Digest,
        value: &T,
    ) -> Result<(), StoreError> {
        let path = self.record_path(kind, key);
        let json = serde_json::to_vec(value)
            .map_err(io::Error::other)
            .context("write", &path)?;
        self.replace(&path, &seal(&json))
    }

    /// Writes `bytes` to `path` in one piece.
    pub(crate) fn replace(&self, path: &std::path::Path, bytes: &[u8]) -> Result<(), StoreError> {
        let (temporary, mut file) = self.scratch_file()?;
        let written = file
            .write_all(bytes)
            .and_then(|()| match fs::rename(&temporary, path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(path.parent().unwrap_or(path))?;
                    fs::rename(&temporary, path)
                }
                result => result,
            });
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.context("write", path)
    }

    fn record_path(&self, kind: &'static str, key: &Digest) -> PathBuf {
        let mut path = self.folder("records");
        path.push(kind);
        path.push(key.hex());
        path
    }
}

/// Puts the digest of `body` before it.
pub(crate) fn seal(body: &[u8]) -> Vec<u8> {
    let mut text = Digest::of(body).hex().into_bytes();
    text.push(b'\n');
    text.extend_from_slice(body);
    text
}

/// Answers what [`seal`] was given, if nothing of it is missing.
pub(crate) fn sealed(text: &[u8]) -> Option<&[u8]> {
    let (digest, body) = text.split_at_checked(65)?;
    (digest[..64] == *Digest::of(body).hex().as_bytes()).then_some(body)
}
