//! What the watcher's thread has seen and nobody has looked at yet.
//!
//! A file counts as being written from its first byte until its writer closes it, so that a build does not begin with
//! half of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, Event, EventKind, ModifyKind, RenameMode};
use tokio::sync::Notify;

use super::changes::Changes;
use super::scope::{Place, Scope};

/// What was seen since somebody looked last.
#[derive(Debug, Default)]
pub(super) struct News {
    /// What changed.
    pub(super) changes: Changes,
    /// What appeared and may be a folder.
    pub(super) appeared: BTreeSet<PathBuf>,
    /// Whether the system has dropped events: anything may have changed.
    pub(super) is_incomplete: bool,
    /// What the watcher could not do.
    pub(super) failures: Vec<notify::Error>,
    /// Files that came since.
    fresh: BTreeSet<PathBuf>,
    being_written: BTreeSet<PathBuf>,
    is_some: bool,
}

/// What was seen, between the watcher's thread and who waits for it.
#[derive(Debug)]
pub(super) struct Seen {
    scope: Scope,
    news: Mutex<News>,
    arrived: Notify,
}

/// What an event says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Created,
    Appeared,
    BeingWritten,
    Closed,
    Changed,
    Gone,
}

impl Seen {
    /// Has seen nothing.
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            news: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Answers what matters.
    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Takes what the watcher's thread says.
    pub(super) fn take_in(&self, event: notify::Result<Event>) {
        let mut news = self.news();
        match event {
            Ok(event) => news.add(event, &self.scope),
            Err(error) => news.fail(error),
        }
        if news.is_some {
            self.arrived.notify_one();
        }
    }

    /// Waits for the next event that matters, which may be one that was looked at already.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Answers whether there is anything new.
    pub(super) fn is_anything(&self) -> bool {
        self.news().is_some
    }

    /// Answers whether somebody writes a file at this moment.
    pub(super) fn is_being_written(&self) -> bool {
        !self.news().being_written.is_empty()
    }

    /// Takes what is new.
    pub(super) fn take(&self) -> News {
        std::mem::take(&mut *self.news())
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl News {
    fn fail(&mut self, error: notify::Error) {
        self.is_some = true;
        self.failures.push(error);
    }

    fn add(&mut self, event: Event, scope: &Scope) {
        if event.need_rescan() {
            self.is_some = true;
            self.is_incomplete = true;
        }
        let Some(said) = said(event.kind) else { return };
        for path in event.paths {
            self.add_path(path, said, scope);
        }
    }

    fn add_path(&mut self, path: PathBuf, said: Said, scope: &Scope) {
        let name = match scope.place(&path) {
            Some(Place::File(name)) => name,
            Some(Place::Folder) => return self.add_folder(said),
            None => return,
        };
        self.is_some = true;
        self.being_written.remove(&path);
        match said {
            Said::Created => drop(self.fresh.insert(path.clone())),
            // Files by way of which others are written come and go.
            Said::Gone if self.fresh.remove(&path) => return self.changes.remove(&name),
            _ => {}
        }
        self.changes.add(name);
        match said {
            Said::Appeared => drop(self.appeared.insert(path)),
            Said::Created | Said::BeingWritten => drop(self.being_written.insert(path)),
            Said::Closed | Said::Changed | Said::Gone => {}
        }
    }

    /// What happens in the source folder is told by itself; here it is about another folder in its place.
    fn add_folder(&mut self, said: Said) {
        if said == Said::Appeared {
            self.is_some = true;
            self.is_incomplete = true;
        }
    }

    /// Answers whether anything is different from before.
    pub(super) fn is_a_change(&self) -> bool {
        self.is_incomplete || !self.failures.is_empty() || !self.changes.are_none()
    }
}

/// Answers what an event says; reading says nothing.
fn said(kind: EventKind) -> Option<Said> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Said::Closed),
        // A move within the folder is told as two halves as well.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
        EventKind::Create(CreateKind::File) => Some(Said::Created),
        EventKind::Modify(ModifyKind::Data(_)) => Some(Said::BeingWritten),
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(Said::Appeared),
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Some(Said::Gone),
        _ => Some(Said::Changed),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use notify::event::{DataChange, Flag, MetadataKind, RemoveKind};

    use super::*;

    fn seen(events: &[(EventKind, &str)]) -> Seen {
        let seen = Seen::new(Scope::new(Path::new("/src"), []));
        for (kind, path) in events {
            seen.take_in(Ok(Event::new(*kind).add_path(PathBuf::from(path))));
        }
        seen
    }

    const CREATED: EventKind = EventKind::Create(CreateKind::File);
    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const MOVED_AWAY: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::From));
    const MOVED_HERE: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));
    const OPENED: EventKind = EventKind::Access(AccessKind::Open(AccessMode::Any));
    const TOUCHED: EventKind = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
    const REMOVED: EventKind = EventKind::Remove(RemoveKind::File);

    #[test]
    fn a_file_is_being_written_until_it_is_closed_moved_or_removed() {
        for (events, is_being_written) in [
            (&[(CREATED, "/src/a")][..], true),
            (
                &[(CREATED, "/src/a"), (WRITTEN, "/src/a"), (CLOSED, "/src/a")],
                false,
            ),
            (
                &[(WRITTEN, "/src/a"), (WRITTEN, "/src/b"), (CLOSED, "/src/a")],
                true,
            ),
            (&[(WRITTEN, "/src/a"), (MOVED_AWAY, "/src/a")], false),
            (&[(WRITTEN, "/src/a"), (REMOVED, "/src/a")], false),
            (&[(MOVED_HERE, "/src/a")], false),
            (&[(CREATED, "/src/.a.swp")], false),
        ] {
            assert_eq!(seen(events).is_being_written(), is_being_written, "{events:?}");
        }
    }

    #[test]
    fn what_only_was_read_or_does_not_matter_is_no_news() {
        for (kind, path, is_news) in [
            (OPENED, "/src/a", false),
            (WRITTEN, "/src/.git/index", false),
            (TOUCHED, "/src", false),
            (REMOVED, "/src", false),
            (MOVED_HERE, "/src", true),
            (TOUCHED, "/src/a", true),
            (REMOVED, "/src/a", true),
        ] {
            assert_eq!(seen(&[(kind, path)]).is_anything(), is_news, "{kind:?} {path}");
        }
    }

    #[test]
    fn what_appeared_is_looked_into_and_what_was_taken_is_no_news_any_more() {
        let seen = seen(&[
            (EventKind::Create(CreateKind::Folder), "/src/lib"),
            (MOVED_HERE, "/src/b"),
        ]);
        let news = seen.take();
        let appeared = [PathBuf::from("/src/b"), PathBuf::from("/src/lib")];
        assert_eq!(news.appeared, BTreeSet::from(appeared));
        assert_eq!(news.changes.to_string(), "b and lib");
        assert!(!seen.is_anything());
    }

    #[test]
    fn a_file_that_came_and_went_is_no_change() {
        for (events, change) in [
            (&[(CREATED, "/src/4913"), (REMOVED, "/src/4913")][..], None),
            (
                &[
                    (CREATED, "/src/sedX"),
                    (CLOSED, "/src/sedX"),
                    (MOVED_AWAY, "/src/sedX"),
                    (MOVED_HERE, "/src/a"),
                ],
                Some("a"),
            ),
            (&[(REMOVED, "/src/a")], Some("a")),
            (&[(REMOVED, "/src/a"), (CREATED, "/src/a")], Some("a")),
            (&[(MOVED_HERE, "/src")], Some("the folder")),
        ] {
            let news = seen(events).take();
            let told = news.is_a_change().then(|| news.changes.to_string());
            assert_eq!(told.as_deref(), change, "{events:?}");
        }
    }

    #[test]
    fn dropped_events_are_news() {
        let seen = seen(&[]);
        seen.take_in(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        assert!(seen.take().is_incomplete);
    }
}
