//! Noticing that files change.
//!
//! Each folder is watched by itself, so that those that builds ignore cost nothing: a `node_modules` alone has more
//! folders than many systems let one user watch. Every change leads to a look at the whole folder, which costs
//! milliseconds; an incremental picture of it lost, since it could differ from what is there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coracle_plan::ignore::is_always_ignored;
use coracle_spec::{Class, Failure};
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::time::{Instant, timeout_at};

use super::changes::Changes;
use super::scope::Scope;
use super::seen::{News, Seen};

/// How long nothing must happen until a burst of changes is over.
const QUIET: Duration = Duration::from_millis(5);
/// How long a burst may last before it is looked at anyway, and how long a file may take to be written.
const LONGEST_BURST: Duration = Duration::from_millis(150);

/// Notices changes.
pub(super) struct Watcher {
    system: RecommendedWatcher,
    seen: Arc<Seen>,
}

/// Why changes are not noticed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    /// The system gives no watcher.
    #[error("cannot watch for changes")]
    Start(#[source] notify::Error),
    /// The system lets this user watch no further folder.
    #[error("cannot watch `{}`: this user watches as many folders as the system allows", .0.display())]
    TooMany(PathBuf),
    /// A folder cannot be watched.
    #[error("cannot watch `{}`", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: notify::Error,
    },
}

impl Failure for WatchError {
    fn class(&self) -> Class {
        match self {
            Self::Start(_) | Self::TooMany(_) => Class::Busy,
            Self::Folder { .. } => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Start(_) => {
                Some("allow more watchers: `sysctl fs.inotify.max_user_instances=512`".to_owned())
            }
            Self::TooMany(_) => Some(
                "allow more folders: `sysctl fs.inotify.max_user_watches=524288`, in a file of `/etc/sysctl.d` for good"
                    .to_owned(),
            ),
            Self::Folder { .. } => None,
        }
    }
}

impl Watcher {
    /// Watches what is in `scope` from now on.
    pub(super) fn start(scope: Scope) -> Result<Self, WatchError> {
        let seen = Arc::new(Seen::new(scope));
        let told = Arc::clone(&seen);
        let system = notify::recommended_watcher(move |event| told.take_in(event));
        let mut watcher = Self {
            system: system.map_err(WatchError::Start)?,
            seen,
        };
        watcher.watch_all()?;
        Ok(watcher)
    }

    /// Waits until something has changed and the burst of changes is over. Answers nothing twice, and loses nothing
    /// when it is not waited for to the end.
    pub(super) async fn next(&mut self) -> Result<Changes, WatchError> {
        loop {
            while !self.seen.is_anything() {
                self.seen.arrived().await;
            }
            self.settle().await;
            let news = self.seen.take();
            self.follow(&news)?;
            if news.is_a_change() {
                return Ok(news.changes);
            }
        }
    }

    async fn settle(&self) {
        let deadline = Instant::now() + LONGEST_BURST;
        loop {
            let quiet = if self.seen.is_being_written() {
                deadline
            } else {
                deadline.min(Instant::now() + QUIET)
            };
            let is_over = timeout_at(quiet, self.seen.arrived()).await.is_err();
            if is_over || Instant::now() >= deadline {
                return;
            }
        }
    }

    /// Watches what is new.
    fn follow(&mut self, news: &News) -> Result<(), WatchError> {
        if let Some(failure) = news.failures.first() {
            tracing::debug!(error = %failure, "the watcher failed");
        }
        if news.is_incomplete || !news.failures.is_empty() {
            return self.watch_all();
        }
        news.appeared.iter().try_for_each(|path| self.watch_tree(path))
    }

    fn watch_all(&mut self) -> Result<(), WatchError> {
        let scope = self.seen.scope();
        let (folder, beside) = (scope.folder().to_owned(), scope.beside());
        for folder in beside {
            self.watch(&folder)?;
        }
        self.watch_tree(&folder)
    }

    /// Watches a folder and those in it; nothing that is no folder, and nothing through links.
    fn watch_tree(&mut self, path: &Path) -> Result<(), WatchError> {
        if !fs_err::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            return Ok(());
        }
        self.watch(path)?;
        for child in fs_err::read_dir(path).into_iter().flatten().flatten() {
            let is_folder = child.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && !is_always_ignored(&child.file_name().to_string_lossy()) {
                self.watch_tree(&child.path())?;
            }
        }
        Ok(())
    }

    fn watch(&mut self, folder: &Path) -> Result<(), WatchError> {
        match self.system.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                Err(WatchError::TooMany(folder.to_owned()))
            }
            Err(source) => Err(WatchError::Folder {
                folder: folder.to_owned(),
                source,
            }),
        }
    }
}

/// Answers whether a folder has gone before it could be watched.
fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    struct World {
        root: tempfile::TempDir,
        watcher: Watcher,
    }

    impl World {
        fn new(prepare: impl FnOnce(&Path)) -> Self {
            let root = tempfile::tempdir().unwrap();
            let folder = fs::canonicalize(root.path()).unwrap().join("src");
            fs::create_dir(&folder).unwrap();
            prepare(&folder);
            let env = folder.parent().unwrap().join("outside.env");
            let watcher = Watcher::start(Scope::new(&folder, [env.as_path()])).unwrap();
            Self { root, watcher }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join("src").join(name)
        }

        /// Waits until all of these changed, and answers what changed beside them.
        async fn sees(&mut self, names: &[&str]) -> Changes {
            let mut changes = Changes::default();
            while !names
                .iter()
                .all(|name| changes.names().any(|own| own.ends_with(name)))
            {
                let more = tokio::time::timeout(Duration::from_mins(1), self.watcher.next());
                changes.extend(more.await.unwrap_or_else(|_| panic!("only {changes:?}")).unwrap());
            }
            changes
        }
    }

    #[tokio::test]
    async fn files_are_seen_however_they_are_written() {
        let mut world = World::new(|folder| {
            fs::create_dir(folder.join("lib")).unwrap();
            fs::write(folder.join("old.py"), "").unwrap();
        });
        fs::write(world.path("new.py"), "new").unwrap();
        world.sees(&["new.py"]).await;
        fs::write(world.path(".new.py.swp"), "new").unwrap();
        fs::rename(world.path(".new.py.swp"), world.path("moved.py")).unwrap();
        let changes = world.sees(&["moved.py"]).await;
        assert_eq!(changes.to_string(), "moved.py");
        fs::write(world.path("lib/deep.py"), "deep").unwrap();
        world.sees(&["lib/deep.py"]).await;
        fs::remove_file(world.path("old.py")).unwrap();
        world.sees(&["old.py"]).await;
        fs::write(world.root.path().join("outside.env"), "A=1").unwrap();
        world.sees(&["outside.env"]).await;
    }

    #[tokio::test]
    async fn folders_that_appear_move_or_come_back_are_watched_too() {
        let mut world = World::new(|_| {});
        fs::create_dir_all(world.path("a/b")).unwrap();
        world.sees(&["a"]).await;
        fs::write(world.path("a/b/one.py"), "1").unwrap();
        world.sees(&["a/b/one.py"]).await;
        fs::rename(world.path("a"), world.path("c")).unwrap();
        world.sees(&["c"]).await;
        fs::write(world.path("c/b/one.py"), "2").unwrap();
        world.sees(&["c/b/one.py"]).await;
        fs::remove_dir_all(world.path("c")).unwrap();
        world.sees(&["c"]).await;
        fs::create_dir_all(world.path("c/b")).unwrap();
        world.sees(&["c"]).await;
        fs::write(world.path("c/b/one.py"), "3").unwrap();
        world.sees(&["c/b/one.py"]).await;
    }

    #[tokio::test]
    async fn a_folder_that_is_replaced_as_a_whole_is_watched_again() {
        let mut world = World::new(|_| {});
        let (folder, aside) = (world.path(""), world.root.path().join("aside"));
        fs::rename(&folder, &aside).unwrap();
        fs::create_dir(&folder).unwrap();
        world.watcher.next().await.unwrap();
        fs::write(world.path("main.py"), "").unwrap();
        world.sees(&["main.py"]).await;
    }

    #[tokio::test]
    async fn many_files_at_once_are_few_changes_and_none_is_lost() {
        let mut world = World::new(|_| {});
        let names: Vec<String> = (0..300).map(|number| format!("{number}.py")).collect();
        for name in &names {
            fs::write(world.path(name), name).unwrap();
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        world.sees(&names).await;
    }

    #[tokio::test]
    async fn ignored_folders_are_not_watched() {
        let mut world = World::new(|folder| fs::create_dir(folder.join("node_modules")).unwrap());
        fs::create_dir(world.path(".git")).unwrap();
        fs::write(world.path("node_modules/index.js"), "").unwrap();
        fs::write(world.path(".git/HEAD"), "").unwrap();
        fs::write(world.path("main.js"), "").unwrap();
        assert_eq!(world.sees(&["main.js"]).await.to_string(), "main.js");
    }
}
