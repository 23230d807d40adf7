//! Connections that read, each used by one reader at a time and kept for the next.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::error::StateError;

/// Readers at once; more wait.
const MOST: usize = 4;

pub(super) struct Readers {
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    unused: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn of(path: &Path) -> Self {
        let shared = Shared {
            path: path.to_owned(),
            unused: Mutex::default(),
        };
        Self {
            places: Arc::new(Semaphore::new(MOST)),
            shared: Arc::new(shared),
        }
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| StateError::Closed)?;
        let shared = Arc::clone(&self.shared);
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            shared.read(query)
        });
        reading.await.map_err(|_| StateError::Closed)?
    }
}

impl Shared {
    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T, StateError>) -> Result<T, StateError> {
        let mut connection = self.take()?;
        let transaction = connection.transaction()?;
        let result = query(&transaction);
        transaction.finish()?;
        self.unused().push(connection);
        result
    }

    fn take(&self) -> Result<Connection, StateError> {
        let kept = self.unused().pop();
        kept.map_or_else(|| super::connect(&self.path, OpenFlags::default()), Ok)
    }

    fn unused(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
