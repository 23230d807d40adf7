//! Brings files of the archive into the store.

use coracle_content::{Blob, Store, StoreError};
use coracle_fetch::{Checksum, FetchError, Fetcher, SafeUrl};
use coracle_spec::Digest;

use crate::archive::Archive;
use crate::progress::{Downloading, Phase, Progress};
use crate::release::Part;

/// Where files come from and where they go.
#[derive(Clone, Copy)]
pub(crate) struct Depot<'a> {
    pub(crate) store: &'a Store,
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) archive: &'a Archive,
    pub(crate) progress: &'a dyn Progress,
}

/// A file of the archive whose contents are known.
pub(crate) struct Wanted<'a> {
    pub(crate) part: Part,
    pub(crate) path: &'a str,
    pub(crate) sha256: Digest,
    pub(crate) size: u64,
    pub(crate) phase: Phase,
}

/// Why a file is not in the store.
#[derive(Debug)]
pub(crate) enum DepotError {
    Fetch(FetchError),
    Store(StoreError),
}

impl From<FetchError> for DepotError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

impl From<StoreError> for DepotError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Depot<'_> {
    /// Fetches a file from the first mirror that has it. The store hashes it on the way.
    pub(crate) fn fetch(&self, wanted: &Wanted<'_>) -> Result<Blob, DepotError> {
        let mut writer = self.store.write_blob()?;
        let progress = Downloading {
            progress: self.progress,
            phase: wanted.phase,
        };
        let from = self.archive.first(wanted.part, wanted.path, |url| {
            self.fetcher.stream(url, wanted.size, &mut writer, &progress)?;
            Ok(SafeUrl::of(url))
        })?;
        writer
            .commit_expecting(&wanted.sha256)
            .map_err(|error| match error {
                StoreError::Mismatch { expected, found } => DepotError::Fetch(FetchError::WrongContent {
                    url: from,
                    expected: Checksum::Sha256(expected),
                    actual: Checksum::Sha256(found),
                }),
                other => DepotError::Store(other),
            })
    }
}
