//! A command in a sandbox, over a root file system of other steps' layers; what it wrote becomes a layer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use coracle_content::{Guard, Scratch, Store, StoreError};
use coracle_oci::{CaptureError, CaptureOptions, Layer, Owner, Source, layer_from_directory};
use coracle_plan::{Input, Run, Sharing, Step};
use coracle_sandbox::lines::each_line;
use coracle_sandbox::{
    Bind, CreateError, DISK_UPPER_ID_SHIFT, Exit, Process, Profile, Sandbox, SandboxError, SandboxSpec,
    Sandboxes, StartError, Upper,
};
use coracle_spec::revision::Network;
use coracle_spec::{Class, Digest, Failure, Hasher};
use fs_err as fs;
use globset::{Glob, GlobSet, GlobSetBuilder};
use tokio_util::sync::CancellationToken;

use super::layer_options;
use crate::folder::Contents;
use crate::log_tail::LogTail;
use crate::progress::{Event, Observer};
use crate::surroundings::Surroundings;

/// How long a command has to end, once it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How many characters of a command an error shows.
const MOST_SHOWN: usize = 100;

/// The kind of lock that a cache is used under by one step at a time.
const CACHE_LOCK: &str = "caches";

/// Why a command's layer cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The command failed.
    #[error("`{}` ended with {exit}", shortened(command))]
    Command {
        /// The command.
        command: Vec<String>,
        /// How it ended.
        exit: Exit,
        /// What it printed last.
        log: LogTail,
    },
    /// The command took too long.
    #[error("`{}` did not end within {} s", shortened(command), limit.as_secs())]
    Timeout {
        /// The command.
        command: Vec<String>,
        /// How long it was given.
        limit: Duration,
        /// What it printed last.
        log: LogTail,
    },
    /// Another step failed, or the build was given up.
    #[error("the step was cancelled")]
    Cancelled,
    /// Its sandbox cannot be made.
    #[error("cannot make the step's sandbox")]
    Create(#[from] CreateError),
    /// The command cannot be started.
    #[error("cannot start the step's command")]
    Start(#[from] StartError),
    /// Its sandbox failed.
    #[error("the step's sandbox failed")]
    Sandbox(#[from] SandboxError),
    /// A file of the source that it reads cannot be staged.
    #[error("cannot stage what the step reads")]
    Stage(#[source] io::Error),
    /// A file of the source is no longer what it was when the build began.
    #[error("`{0}` changed while it was built")]
    Changed(String),
    /// What it wrote cannot be made into a layer.
    #[error("cannot capture what the step wrote")]
    Capture(#[from] CaptureError),
    /// A pattern of what is left out is none.
    #[error("the plan has an unusable pattern")]
    Pattern(#[from] globset::Error),
    /// The store refused.
    #[error("cannot use the store")]
    Store(#[from] StoreError),
}

impl RunError {
    /// Answers what the command printed last.
    pub fn log(&self) -> Option<&LogTail> {
        match self {
            Self::Command { log, .. } | Self::Timeout { log, .. } => Some(log),
            _ => None,
        }
    }
}

impl Failure for RunError {
    fn class(&self) -> Class {
        match self {
            Self::Command { .. } | Self::Timeout { .. } | Self::Stage(_) => Class::User,
            Self::Changed(_) => Class::Conflict,
            Self::Cancelled => Class::Unavailable,
            Self::Create(error) => error.class(),
            Self::Start(error) => error.class(),
            Self::Sandbox(error) => error.class(),
            Self::Capture(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Pattern(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Command {
                exit: Exit::OutOfMemory,
                ..
            } => Some("end other programs, or build on a machine with more memory".to_owned()),
            Self::Changed(_) => Some("leave the folder alone while it is built, then build again".to_owned()),
            Self::Create(error) => error.hint(),
            Self::Start(error) => error.hint(),
            Self::Sandbox(error) => error.hint(),
            Self::Capture(error) => error.hint(),
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}

/// Answers the start of a command, for people: its script may have many lines, and the plan shows them all.
fn shortened(command: &[String]) -> String {
    let command = command.join(" ");
    let start: String = command
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(MOST_SHOWN)
        .collect();
    let rest = if start.len() < command.len() { "…" } else { "" };
    start + rest
}

/// What all commands of a build share.
pub(crate) struct Workshop<'a> {
    pub(crate) store: &'a Store,
    pub(crate) sandboxes: &'a dyn Sandboxes,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) folder: &'a Path,
    pub(crate) contents: &'a Contents,
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
        stage(self.folder, inputs.path(), &run.inputs).map_err(RunError::Stage)?;
        self.check(inputs.path(), &run.inputs)?;
        lowers.push(inputs.path().to_owned());
        let upper = self.store.scratch()?;
        let _caches = self.lock_caches(run).await?;
        let spec = self.spec(run, lowers, &upper)?;
        self.execute(step, run, spec).await?;
        self.capture(run, upper).await
    }

    /// Fails when a staged file is no longer what the step's key says.
    fn check(&self, root: &Path, inputs: &[Input]) -> Result<(), RunError> {
        for input in inputs {
            let Input::Source { files, to } = input else {
                continue;
            };
            for file in files {
                let staged = beneath(root, to).join(file);
                let found = digest(&staged).map_err(RunError::Stage)?;
                if self.contents.get(file).is_none_or(|(_, digest)| *digest != found) {
                    return Err(RunError::Changed(file.clone()));
                }
            }
        }
        Ok(())
    }

    /// Waits for the caches that the command must have for itself.
    async fn lock_caches(&self, run: &Run) -> Result<Vec<Guard>, RunError> {
        let mut guards = Vec::new();
        for cache in run.caches.iter().filter(|cache| cache.sharing == Sharing::Locked) {
            let (store, key) = (self.store.clone(), Digest::of(&cache.name));
            guards.push(super::blocking(move || store.lock(CACHE_LOCK, &key)).await?);
        }
        Ok(guards)
    }

    fn spec(&self, run: &Run, lowers: Vec<PathBuf>, upper: &Scratch) -> Result<SandboxSpec, RunError> {
        let mut mounts = Vec::new();
        for cache in &run.caches {
            let source = self.store.cache_dir(&cache.name)?;
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
            process: Process {
                args: run.command.clone(),
                env,
                cwd: run.workdir.clone().into(),
                uid: 0,
                gid: 0,
            },
            limits: self.surroundings.limits,
            network: match run.network {
                Network::Egress => coracle_sandbox::Network::Egress,
                Network::None => coracle_sandbox::Network::None,
            },
            hostname: "build".to_owned(),
        })
    }

    /// Runs the command to its end; whatever happens, its sandbox is gone afterwards.
    async fn execute(&self, step: &Step, run: &Run, spec: SandboxSpec) -> Result<(), RunError> {
        let sandbox = self.sandboxes.create(spec).await?;
        let result = self.watch(step, run, &*sandbox).await;
        let removed = sandbox.remove().await;
        result?;
        Ok(removed?)
    }

    async fn watch(&self, step: &Step, run: &Run, sandbox: &dyn Sandbox) -> Result<(), RunError> {
        let log = Mutex::new(LogTail::default());
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
        let limit = self.surroundings.step_timeout;
        let ended = async { tokio::join!(sandbox.wait(), printed).0 };
        let exit = tokio::select! {
            exit = tokio::time::timeout(limit, ended) => exit,
            () = self.cancel.cancelled() => {
                sandbox.stop(GRACE).await?;
                return Err(RunError::Cancelled);
            }
        };
        let log = log.into_inner().unwrap_or_else(PoisonError::into_inner);
        let command = run.command.clone();
        match exit {
            Ok(exit) if exit.as_ref().is_ok_and(|exit| exit.is_success()) => Ok(()),
            Ok(exit) => Err(RunError::Command {
                command,
                exit: exit?,
                log,
            }),
            Err(_) => Err(RunError::Timeout { command, limit, log }),
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

/// Puts what a command reads beneath `root`, a tree that becomes the top of its root file system.
fn stage(folder: &Path, root: &Path, inputs: &[Input]) -> io::Result<()> {
    for input in inputs {
        match input {
            Input::Source { files, to } => {
                for file in files {
                    stage_file(&folder.join(file), &beneath(root, to).join(file))?;
                }
            }
            Input::Text { contents, to } => {
                let target = beneath(root, to);
                make_parent(&target)?;
                fs::write(target, contents)?;
            }
        }
    }
    Ok(())
}

fn stage_file(from: &Path, to: &Path) -> io::Result<()> {
    make_parent(to)?;
    let found = fs::symlink_metadata(from)?;
    if found.is_symlink() {
        return fs::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to)?;
    let executable = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o100 != 0;
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    std::os::unix::fs::lchown(to, Some(0), Some(0))
}

/// Answers the digest of a file's contents or of a link's target.
fn digest(path: &Path) -> io::Result<Digest> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Ok(Digest::of(fs::read_link(path)?.as_os_str().as_encoded_bytes()));
    }
    let mut hasher = Hasher::default();
    io::copy(&mut fs::File::open(path)?, &mut hasher)?;
    Ok(hasher.finish())
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn beneath(root: &Path, absolute: &str) -> PathBuf {
    root.join(absolute.trim_start_matches('/'))
}

/// What of all that a command wrote becomes its layer.
struct Kept {
    folders: Vec<(PathBuf, GlobSet)>,
}

impl Kept {
    fn of(run: &Run) -> Result<Self, globset::Error> {
        let folder = |capture: &coracle_plan::Capture| {
            let mut globs = GlobSetBuilder::new();
            for pattern in &capture.exclude {
                globs.add(Glob::new(pattern)?);
            }
            Ok((
                PathBuf::from(capture.path.trim_start_matches('/')),
                globs.build()?,
            ))
        };
        Ok(Self {
            folders: run.capture.iter().map(folder).collect::<Result<_, _>>()?,
        })
    }

    /// Answers whether `path`, relative to the root, is captured or leads to what is.
    fn keeps(&self, path: &Path) -> bool {
        self.folders
            .iter()
            .any(|(folder, excluded)| match path.strip_prefix(folder) {
                Ok(inside) => !excluded.is_match(inside),
                Err(_) => folder.starts_with(path),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coracle_plan::Capture;

    fn capturing(capture: Vec<Capture>) -> Run {
        Run {
            root: Vec::new(),
            command: Vec::new(),
            env: std::collections::BTreeMap::new(),
            workdir: "/".to_owned(),
            inputs: Vec::new(),
            caches: Vec::new(),
            network: Network::None,
            capture,
        }
    }

    #[test]
    fn what_is_captured_is_what_lies_in_the_folders_and_is_not_left_out() {
        let run = capturing(vec![
            Capture {
                path: "/opt/app".to_owned(),
                exclude: vec!["**/*.tmp".to_owned()],
            },
            Capture {
                path: "/srv".to_owned(),
                exclude: Vec::new(),
            },
        ]);
        let kept = Kept::of(&run).unwrap();
        for path in ["opt", "opt/app", "opt/app/a/b.py", "srv/x"] {
            assert!(kept.keeps(Path::new(path)), "{path}");
        }
        for path in ["tmp", "opt/other", "opt/app/a/b.tmp", "srv2"] {
            assert!(!kept.keeps(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn an_error_shows_the_start_of_its_command() {
        let long = "x".repeat(2 * MOST_SHOWN);
        for (command, shown) in [
            (["npm", "ci"], "npm ci".to_owned()),
            (["sh", "first\nsecond"], "sh first…".to_owned()),
            (["é", &long], format!("é {}…", &long[..MOST_SHOWN - 2])),
        ] {
            assert_eq!(shortened(&command.map(str::to_owned)), shown);
        }
    }

    #[test]
    fn inputs_are_staged_with_their_paths_and_normal_modes() {
        let (folder, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(folder.path().join("reqs")).unwrap();
        fs::write(folder.path().join("reqs/base.txt"), "flask").unwrap();
        let inputs = [
            Input::Source {
                files: vec!["reqs/base.txt".to_owned()],
                to: "/src".to_owned(),
            },
            Input::Text {
                contents: "x".to_owned(),
                to: "/etc/extra".to_owned(),
            },
        ];
        stage(folder.path(), root.path(), &inputs).unwrap();
        assert_eq!(
            fs::read_to_string(root.path().join("src/reqs/base.txt")).unwrap(),
            "flask"
        );
        assert_eq!(fs::read_to_string(root.path().join("etc/extra")).unwrap(), "x");
    }
}
