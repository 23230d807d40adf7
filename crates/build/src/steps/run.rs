//! A command in a sandbox, over a root file system of other steps' layers; what it wrote becomes a layer.

pub(super) mod disk;
mod error;
mod kept;
mod stage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use coracle_content::{Guard, Scratch, Store};
use coracle_oci::{CaptureOptions, Layer, Owner, Source, layer_from_directory};
use coracle_plan::{Run, Sharing, Step};
use coracle_sandbox::lines::each_line;
use coracle_sandbox::{
    Bind, DISK_UPPER_ID_SHIFT, Exit, Process, Profile, Sandbox, SandboxSpec, Sandboxes, Upper,
};
use coracle_spec::Digest;
use coracle_spec::revision::Network;
use tokio_util::sync::CancellationToken;

pub use self::error::RunError;

use self::disk::DiskWatch;
use self::kept::Kept;
use self::stage::stage;
use super::layer_options;
use crate::folder::Contents;
use crate::log_tail::LogTail;
use crate::progress::{Event, Observer};
use crate::request::{SecretValue, Tenant};
use crate::surroundings::Surroundings;

/// How long a command has to end, once it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// The kind of lock that a cache is used under by one step at a time.
pub(super) const CACHE_LOCK: &str = "caches";

/// What all commands of a build share.
pub(crate) struct Workshop<'a> {
    pub(crate) store: &'a Store,
    pub(crate) sandboxes: &'a dyn Sandboxes,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) folder: &'a Path,
    pub(crate) contents: &'a Contents,
    pub(crate) tenant: Option<&'a Tenant>,
    pub(crate) secrets: &'a BTreeMap<String, SecretValue>,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) cancel: &'a CancellationToken,
}

impl Workshop<'_> {
    /// Runs a step's command over the trees `lowers` and makes a layer of what it wrote.
    pub(crate) async fn run(
        &self,
        step: &Step,
        run: &Run,
        mut lowers: Vec<PathBuf>,
    ) -> Result<Layer, RunError> {
        let inputs = self.store.scratch()?;
        stage((self.folder, self.contents), inputs.path(), &run.inputs)?;
        lowers.push(inputs.path().to_owned());
        let upper = self.store.scratch()?;
        let _caches = self.lock_caches(run).await?;
        let spec = self.spec(run, lowers, &upper)?;
        let disk = DiskWatch {
            folder: upper.path(),
            limit: self.surroundings.disk,
        };
        self.execute(step, &run.command, spec, &disk).await?;
        self.capture(run, upper).await
    }

    /// Waits for the caches that the command must have for itself.
    async fn lock_caches(&self, run: &Run) -> Result<Vec<Guard>, RunError> {
        let mut guards = Vec::new();
        for cache in run.caches.iter().filter(|cache| cache.sharing == Sharing::Locked) {
            let (store, key) = (self.store.clone(), Digest::of(self.cache_name(&cache.name)));
            guards.push(super::blocking(move || store.lock(CACHE_LOCK, &key)).await?);
        }
        Ok(guards)
    }

    /// Answers what a cache is called in the store: each party has its own.
    pub(super) fn cache_name(&self, name: &str) -> String {
        self.tenant
            .map_or_else(|| name.to_owned(), |tenant| tenant.own(name))
    }

    fn spec(&self, run: &Run, lowers: Vec<PathBuf>, upper: &Scratch) -> Result<SandboxSpec, RunError> {
        let mut mounts = Vec::new();
        for cache in &run.caches {
            let source = self.store.cache_dir(&self.cache_name(&cache.name))?;
            mounts.push(Bind {
                source,
                target: cache.target.clone().into(),
                read_only: false,
            });
        }
        let mut env = run.env.clone();
        let mut files = Vec::new();
        if run.network == Network::Egress {
            mounts.extend(self.surroundings.mounts());
            files.extend(self.surroundings.files());
            env.extend(self.surroundings.variables());
        }
        Ok(SandboxSpec {
            id: crate::sandbox_id::next(),
            profile: Profile::Build,
            lowers,
            upper: Upper::Disk {
                dir: upper.path().to_owned(),
            },
            mounts,
            files,
            directories: Vec::new(),
            made: Vec::new(),
            process: Process {
                args: run.command.clone(),
                env,
                cwd: run.workdir.clone().into(),
                ..Process::default()
            },
            limits: self.surroundings.limits,
            network: run.network.into(),
            hostname: "build".to_owned(),
        })
    }

    /// Runs the command to its end; whatever happens, its sandbox is gone afterwards.
    pub(super) async fn execute(
        &self,
        step: &Step,
        command: &[String],
        spec: SandboxSpec,
        disk: &DiskWatch<'_>,
    ) -> Result<(), RunError> {
        let sandbox = self.sandboxes.create(spec).await?;
        let log = Mutex::new(LogTail::default());
        let ended = self.watch(step, &*sandbox, &log, disk).await;
        let removed = sandbox.remove().await;
        let (command, log) = (
            command.to_vec(),
            log.into_inner().unwrap_or_else(PoisonError::into_inner),
        );
        let limit = self.surroundings.disk;
        match ended? {
            Ended::Cancelled => Err(RunError::Cancelled),
            _ if disk.is_over().await => Err(RunError::Disk { command, limit, log }),
            Ended::Exit(exit) if exit.is_success() => Ok(removed?),
            Ended::Exit(_) if disk.is_full() => Err(RunError::Full {
                command,
                path: self.store.root().to_owned(),
                log,
            }),
            Ended::Exit(exit) => Err(RunError::Command { command, exit, log }),
            Ended::Late => Err(RunError::Timeout {
                command,
                limit: self.surroundings.step_timeout,
                log,
            }),
            Ended::Overflow => Err(RunError::Disk { command, limit, log }),
        }
    }

    /// Starts the command, and answers how it ended or why it must.
    async fn watch(
        &self,
        step: &Step,
        sandbox: &dyn Sandbox,
        log: &Mutex<LogTail>,
        disk: &DiskWatch<'_>,
    ) -> Result<Ended, RunError> {
        let take = |line: &[u8]| {
            let text = String::from_utf8_lossy(line);
            self.observer.event(Event::Line {
                step: &step.id,
                text: &text,
            });
            log.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(text.into_owned());
        };
        let output = sandbox.output();
        let printed = async {
            if let Some(output) = output {
                tokio::join!(each_line(output.stdout, take), each_line(output.stderr, take));
            }
        };
        sandbox.start().await?;
        let ended = async { tokio::join!(sandbox.wait(), printed).0 };
        tokio::select! {
            exit = ended => Ok(Ended::Exit(exit?)),
            () = tokio::time::sleep(self.surroundings.step_timeout) => Ok(Ended::Late),
            () = disk.overflow() => Ok(Ended::Overflow),
            () = self.cancel.cancelled() => {
                sandbox.stop(GRACE).await?;
                Ok(Ended::Cancelled)
            }
        }
    }

    async fn capture(&self, run: &Run, upper: Scratch) -> Result<Layer, RunError> {
        let kept = Kept::of(run)?;
        let store = self.store.clone();
        super::blocking(move || {
            let options = CaptureOptions {
                owner: Owner::Shifted {
                    base: DISK_UPPER_ID_SHIFT,
                },
                source: Source::Consume,
                exclude: &|path| !kept.keeps(path),
                ..CaptureOptions::default()
            };
            let layer =
                layer_from_directory(&store, &layer_options(), &upper.path().join("upper"), &options)?;
            drop(upper);
            Ok(layer)
        })
        .await
    }
}

/// How a command came to its end.
enum Ended {
    Exit(Exit),
    Late,
    Overflow,
    Cancelled,
}
