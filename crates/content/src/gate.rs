//! The gate between those who use the store and the one who removes from it.
//!
//! Who is about to use something writes it into a lease while holding the gate open; the collector reads all leases
//! and takes its victims away while it holds the gate shut. So for each thing one of the two comes first: the
//! collector sees the lease, or the user does not find the thing. Both hold it for as long as a few system calls take.
//!
//! A lock for as long as something is used lost: a build takes minutes, and no collection would ever begin.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::error::{Context, StoreError};

/// The gate of a store.
#[derive(Debug, Clone)]
pub(crate) struct Gate(PathBuf);

/// The gate being held. Dropped, it is let go.
#[derive(Debug)]
pub(crate) struct Held(#[expect(dead_code, reason = "the lock lives as long as the file")] fs::File);

impl Gate {
    /// Makes the gate of the store at `root`.
    pub(crate) fn of(root: &Path) -> Self {
        Self(root.join("gate"))
    }

    /// Holds it open: nothing is removed until the answer is dropped.
    pub(crate) fn hold_open(&self) -> Result<Held, StoreError> {
        let file = self.file()?;
        file.file().lock_shared().context("lock", &self.0)?;
        Ok(Held(file))
    }

    /// Holds it shut: no lease grows until the answer is dropped.
    pub(crate) fn hold_shut(&self) -> Result<Held, StoreError> {
        let file = self.file()?;
        file.file().lock().context("lock", &self.0)?;
        Ok(Held(file))
    }

    fn file(&self) -> Result<fs::File, StoreError> {
        // The file is never removed: a lock on a removed file keeps nobody out.
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.0)
            .context("open", &self.0)
    }
}
