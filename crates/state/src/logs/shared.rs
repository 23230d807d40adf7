//! Where each log ends, said by the thread that writes to those who read.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use coracle_spec::FunctionId;
use tokio::sync::watch;

use super::segment::{self, Position};

/// Where each log is, and ends.
pub(super) struct Shared {
    root: PathBuf,
    ends: Mutex<HashMap<FunctionId, watch::Sender<Position>>>,
}

impl Shared {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            ends: Mutex::default(),
        }
    }

    /// Answers the directory of a function's log.
    pub(super) fn directory(&self, function: &FunctionId) -> PathBuf {
        self.root
            .join(function.namespace.as_str())
            .join(function.name.as_str())
    }

    /// Answers where a function's log ends, now and later.
    pub(super) fn watch(&self, function: &FunctionId) -> io::Result<watch::Receiver<Position>> {
        let mut ends = self.lock();
        if let Some(end) = ends.get(function) {
            return Ok(end.subscribe());
        }
        let (sender, receiver) = watch::channel(segment::end(&self.directory(function))?);
        ends.insert(function.clone(), sender);
        Ok(receiver)
    }

    /// Says where a function's log ends now.
    pub(super) fn publish(&self, function: &FunctionId, end: Position) {
        let mut ends = self.lock();
        match ends.get(function) {
            Some(sender) => drop(sender.send_replace(end)),
            None => drop(ends.insert(function.clone(), watch::Sender::new(end))),
        }
    }

    /// Says that nothing will come.
    pub(super) fn forget(&self, function: &FunctionId) {
        self.lock().remove(function);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FunctionId, watch::Sender<Position>>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
