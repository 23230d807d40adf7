//! From a change to a version that could run: manifest, variables, secrets and image, all read anew.
//!
//! Builds follow each other, and whatever changes during one leads to exactly one more: a build that is stopped
//! half-way would throw work away, and a file that is written all the time would let none end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coracle_build::Observer;
use coracle_plan::lock;
use coracle_spec::Digest;
use coracle_tasks::CancellationToken;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::changes::Changes;
use super::debugger;
use super::mishap::Mishap;
use super::watch::{WatchError, Watcher};
use crate::assignments::ConfigFlags;
use crate::dockerfile_flags::DockerfileFlags;
use crate::engine::Engine;
use crate::local::Version;
use crate::progress::Progress;
use crate::project::{Lock, Source};
use crate::settings::Inherited;

/// How long further changes are waited for before an error is told: a file may have been half there.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// What came of a change.
pub(super) struct Attempt {
    /// What changed.
    pub(super) changes: Changes,
    /// How long it took.
    pub(super) took: Duration,
    /// The version, or why there is none.
    pub(super) outcome: Result<Version, Mishap>,
}

/// Makes versions.
pub(super) struct Workshop<'a> {
    pub(super) source: &'a Source,
    pub(super) lock: Lock,
    pub(super) dockerfile: (&'a DockerfileFlags, &'a Inherited),
    pub(super) config: &'a ConfigFlags,
    /// Whether versions listen for a debugger.
    pub(super) is_debugged: bool,
    pub(super) engine: &'a Engine,
    pub(super) folder: PathBuf,
    /// Watches builds but the first.
    pub(super) steps: Arc<dyn Observer>,
}

impl Workshop<'_> {
    /// Makes a version now and after each change, and hands them on, until it is told to stop.
    pub(super) async fn work(
        &self,
        first: Progress,
        watcher: &mut Watcher,
        made: mpsc::Sender<Attempt>,
        stop: &CancellationToken,
    ) -> Result<(), WatchError> {
        let mut changes = Changes::default();
        let mut first = Some(first);
        while !stop.is_cancelled() {
            let (lock, since) = (self.lock_file(), Instant::now());
            let observer = first.as_ref().map_or(Arc::clone(&self.steps), Progress::observer);
            let outcome = self.version(observer, stop).await;
            if let Some(first) = first.take() {
                first.finish();
            }
            if outcome.is_err()
                && let Ok(more) = timeout(AFTER_ERROR, watcher.next()).await
            {
                changes.extend(more?);
                continue;
            }
            let attempt = Attempt {
                changes: std::mem::take(&mut changes),
                took: since.elapsed(),
                outcome,
            };
            // Who no longer listens has been told to stop as well.
            let _ = made.send(attempt).await;
            tokio::select! {
                more = self.next_change(watcher, lock) => changes = more?,
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Waits for a change that a build would see. The lock file counts when it is not as it was before the last build:
    /// that may have written it itself, but another build costs little and is sure to be right.
    async fn next_change(&self, watcher: &mut Watcher, lock: Option<Digest>) -> Result<Changes, WatchError> {
        if self.lock_file() != lock {
            let mut changes = Changes::default();
            changes.add(lock::FILE_NAME);
            return Ok(changes);
        }
        loop {
            let changes = watcher.next().await?;
            if !changes.are_the_lock_only() || self.lock_file() != lock {
                return Ok(changes);
            }
        }
    }

    fn lock_file(&self) -> Option<Digest> {
        let contents = fs_err::read(self.folder.join(lock::FILE_NAME)).ok()?;
        Some(Digest::of(&contents))
    }

    async fn version(
        &self,
        observer: Arc<dyn Observer>,
        stop: &CancellationToken,
    ) -> Result<Version, Mishap> {
        let mut request = self.source.request(self.lock)?;
        let (flags, inherited) = self.dockerfile;
        flags.add_to(&mut request.dockerfile, inherited);
        self.config.add_to(&mut request.manifest.revision)?;
        let secrets = self.config.secrets()?;
        let built = self.engine.builder.build(&request, observer, stop).await;
        let built = built.map_err(Mishap::of_build)?;
        let mut config = request.manifest.revision;
        config.profile = built.profile();
        // One instance is there all the time: who develops does not wait for a start, and loses no state to a pause.
        config.scale.min = config.scale.min.max(1);
        config.scale.freeze = None;
        if self.is_debugged {
            debugger::prepare(&built.plan, &mut config)?;
        }
        Ok(Version {
            image: built.image.manifest,
            config,
            secrets,
        })
    }
}
