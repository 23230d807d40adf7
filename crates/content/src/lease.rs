//! Leases: what a living process uses and garbage collection must keep.

use std::io::Write;
use std::path::PathBuf;

use coracle_spec::Digest;
use fs_err as fs;

use crate::error::{Context, StoreError};
use crate::scratch::{create_held, new_file};
use crate::store::Store;

/// A list of digests in use. It ends when the value is dropped or its process dies.
#[derive(Debug)]
pub struct Lease {
    path: PathBuf,
    file: fs::File,
}

impl Lease {
    /// Keeps the blob, tree or record with this digest. Look it up after this call, not before.
    pub fn keep(&self, digest: &Digest) -> Result<(), StoreError> {
        // One write of one line to a file opened for appending is never interleaved with another.
        (&self.file)
            .write_all(format!("{digest}\n").as_bytes())
            .context("write", &self.path)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// Starts an empty lease.
    pub fn lease(&self) -> Result<Lease, StoreError> {
        let (path, file) = create_held(&self.folder("leases"), new_file)?;
        Ok(Lease { path, file })
    }
}
