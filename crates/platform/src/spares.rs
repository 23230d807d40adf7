//! Spares: sandboxes that are created and not started, for revisions whose last instance ended for idleness.
//!
//! Creating one takes most of a cold start, and a created one waits in less than a megabyte. So the next request
//! only starts a program. They are few, the least recently used goes first, and one whose secrets have changed goes
//! at once: what it was made of is fixed.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coracle_gateway::RevisionId;
use coracle_sandbox::Sandbox;
use coracle_spec::Namespace;
use coracle_tasks::Tasks;

use crate::image::PreparedImage;
use crate::revision::Revision;

/// The spares of all revisions.
pub(crate) struct Spares {
    most: usize,
    tasks: Tasks,
    /// The least recently made first.
    kept: Mutex<VecDeque<Spare>>,
}

/// A sandbox that waits to be started.
pub(crate) struct Spare {
    /// Whose it is.
    pub(crate) revision: Arc<Revision>,
    /// The sandbox.
    pub(crate) sandbox: Arc<dyn Sandbox>,
    /// Its image, kept from collection.
    pub(crate) image: Arc<PreparedImage>,
}

impl Spares {
    /// Keeps at most `most` of them, and clears those that go away by `tasks`.
    pub(crate) fn new(most: usize, tasks: Tasks) -> Self {
        Self {
            most,
            tasks,
            kept: Mutex::default(),
        }
    }

    /// Answers whether a spare would be kept.
    pub(crate) fn are_kept(&self) -> bool {
        self.most > 0
    }

    /// Keeps a spare; another of the same revision, or else the oldest when there are too many, goes.
    pub(crate) fn keep(&self, spare: Spare) {
        self.discard(&spare.revision.id());
        let surplus = {
            let mut kept = self.lock();
            kept.push_back(spare);
            if kept.len() > self.most {
                kept.pop_front()
            } else {
                None
            }
        };
        if let Some(spare) = surplus {
            self.clear_away(spare);
        }
    }

    /// Takes a revision's spare.
    pub(crate) fn take(&self, revision: &RevisionId) -> Option<Spare> {
        let mut kept = self.lock();
        let index = kept.iter().position(|spare| spare.revision.id() == *revision)?;
        kept.remove(index)
    }

    /// Answers whether a revision has a spare.
    pub(crate) fn has(&self, revision: &RevisionId) -> bool {
        self.lock().iter().any(|spare| spare.revision.id() == *revision)
    }

    /// Clears a revision's spare away.
    pub(crate) fn discard(&self, revision: &RevisionId) {
        if let Some(spare) = self.take(revision) {
            self.clear_away(spare);
        }
    }

    /// Clears away what was made with a secret of `namespace` that has changed.
    pub(crate) fn discard_with_secret(&self, namespace: &Namespace, name: &str) {
        let stale = |spare: &Spare| {
            let Revision { function, config, .. } = &*spare.revision;
            function.namespace == *namespace && config.secrets.iter().any(|secret| secret == name)
        };
        self.discard_where(stale);
    }

    /// Clears all of them away.
    pub(crate) fn discard_all(&self) {
        self.discard_where(|_| true);
    }

    fn discard_where(&self, mut goes: impl FnMut(&Spare) -> bool) {
        let going: VecDeque<Spare> = {
            let mut kept = self.lock();
            let (going, staying) = kept.drain(..).partition(|spare| goes(spare));
            *kept = staying;
            going
        };
        for spare in going {
            self.clear_away(spare);
        }
    }

    fn clear_away(&self, spare: Spare) {
        let name = format!("clear away {}", spare.sandbox.id());
        self.tasks.spawn_graceful(name, |_| async move {
            if let Err(error) = spare.sandbox.remove().await {
                tracing::warn!(error = &error as &dyn Error, "spare is not cleared away");
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Spare>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
