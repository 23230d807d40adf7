//! Which tasks of a group run now, by name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A task's name: what it does, for logs.
pub(crate) type Name = Cow<'static, str>;

/// The names of the running tasks.
#[derive(Default)]
pub(crate) struct Registry {
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    next: u64,
    names: BTreeMap<u64, Name>,
}

impl Registry {
    /// Enters a task; it leaves when the answer is dropped.
    pub(crate) fn enter(self: &Arc<Self>, name: Name) -> Entry {
        let mut running = self.lock();
        let id = running.next;
        running.next += 1;
        running.names.insert(id, name);
        Entry {
            registry: Arc::clone(self),
            id,
        }
    }

    /// Answers the names of the running tasks, oldest first.
    pub(crate) fn names(&self) -> Vec<Name> {
        self.lock().names.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running task's place in the registry.
pub(crate) struct Entry {
    registry: Arc<Registry>,
    id: u64,
}

impl Drop for Entry {
    /// Leaves the registry; inside an unwinding task, says whose panic it is.
    fn drop(&mut self) {
        let name = self.registry.lock().names.remove(&self.id);
        if std::thread::panicking() {
            tracing::error!(task = name.as_deref(), "task panicked");
        }
    }
}
