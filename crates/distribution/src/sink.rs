//! Blobs on their way into the store.
//!
//! Hashing and writing is done on a thread of its own, a few pieces behind what arrives; one blob is pulled by one at a
//! time, and whoever waited finds it in the store.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use coracle_content::{Blob, BlobWriter, Store, StoreError};
use coracle_spec::Digest;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::error::DistributionError;

/// How many pieces may be on their way to the disk.
const AHEAD: usize = 16;

/// A blob in the making. Dropped before its end, it leaves nothing, once its thread has noticed.
pub(crate) struct Sink {
    pieces: mpsc::Sender<Bytes>,
    work: JoinHandle<Work>,
    written: u64,
}

/// What a thread came to, and the sign that it is still at it. What it wrote goes first.
type Work = (Result<BlobWriter, StoreError>, TaskTrackerToken);

impl Sink {
    /// Starts a blob. Until its thread is done, `threads` says so.
    pub(crate) fn open(store: &Store, threads: &TaskTracker) -> Self {
        let (pieces, arrived) = mpsc::channel(AHEAD);
        let (store, token) = (store.clone(), threads.token());
        let work = tokio::task::spawn_blocking(move || (write(&store, arrived), token));
        Self {
            pieces,
            work,
            written: 0,
        }
    }

    /// Answers how many bytes it has.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Adds bytes; answers `false` when the disk takes no more, which [`Sink::finish`] explains.
    pub(crate) async fn push(&mut self, piece: Bytes) -> bool {
        self.written += piece.len() as u64;
        self.pieces.send(piece).await.is_ok()
    }

    /// Makes the blob visible if it has the digest `expected`.
    pub(crate) async fn finish(self, expected: Digest) -> Result<Blob, DistributionError> {
        let Self { pieces, work, .. } = self;
        drop(pieces);
        let (writer, token) = joined(work.await)?;
        let writer = writer?;
        let commit = move || {
            let blob = writer.commit_expecting(&expected);
            drop(token);
            blob
        };
        Ok(joined(tokio::task::spawn_blocking(commit).await)??)
    }
}

fn write(store: &Store, mut arrived: mpsc::Receiver<Bytes>) -> Result<BlobWriter, StoreError> {
    let mut writer = store.write_blob()?;
    while let Some(piece) = arrived.blocking_recv() {
        if let Err(error) = writer.write_all(&piece) {
            return Err(StoreError::io("write", writer.path(), error));
        }
    }
    Ok(writer)
}

/// Answers what a thread came to.
pub(crate) fn joined<T>(result: Result<T, tokio::task::JoinError>) -> Result<T, DistributionError> {
    result.map_err(|error| DistributionError::Aborted(io::Error::other(error)))
}

/// Who pulls which blob.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<Digest, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Answers what whoever pulls `digest` holds.
    pub(crate) fn of(&self, digest: Digest) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&digest).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        turns.insert(digest, Arc::downgrade(&turn));
        turn
    }
}
