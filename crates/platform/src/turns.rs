//! Turns: work on one function happens one after the other, on different ones at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use coracle_spec::FunctionId;
use tokio::sync::OwnedMutexGuard;

/// The turns of all functions.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<FunctionId, Arc<tokio::sync::Mutex<()>>>>);

/// A turn; the next one waits until it is dropped.
pub(crate) struct Turn {
    _held: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for a turn.
    pub(crate) async fn take(&self, id: &FunctionId) -> Turn {
        let mutex = self.mutex(id);
        Turn {
            _held: mutex.lock_owned().await,
        }
    }

    fn mutex(&self, id: &FunctionId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for are known to the table only.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(id.clone()).or_default())
    }
}
