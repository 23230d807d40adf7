//! Sandboxes: one is made as instances get it, and runs a program.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coracle_content::StoreError;
use coracle_sandbox::{
    CreateError, Exit, Limits, Network, Process, Profile, SandboxError, SandboxId, SandboxSpec, StartError,
    Upper,
};
use coracle_spec::{ByteSize, Class, Failure};
use fs_err as fs;
use tokio::time::timeout;

use super::finding::{Finding, State};
use super::program;
use crate::context::Context;
use crate::engine::Engine;

const CHECK: &str = "sandboxes";

/// How long making, running and removing it may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the program is in the root.
const PROGRAM: &str = "exit";

/// Why a sandbox does not work.
#[derive(Debug, thiserror::Error)]
enum TrialError {
    #[error("cannot use the data directory")]
    Store(#[from] StoreError),
    #[error("cannot write to the data directory")]
    Write(#[from] std::io::Error),
    #[error("no sandbox can be made")]
    Create(#[from] CreateError),
    #[error("no program starts in a sandbox")]
    Start(#[from] StartError),
    #[error("a sandbox cannot be looked after")]
    Sandbox(#[from] SandboxError),
    #[error("a program in a sandbox ended with {0}")]
    Exit(Exit),
    #[error("a sandbox took longer than {} s", PATIENCE.as_secs())]
    Slow,
}

impl Failure for TrialError {
    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Create(error) => error.hint(),
            Self::Start(error) => error.hint(),
            Self::Sandbox(error) => error.hint(),
            Self::Write(_) | Self::Exit(_) | Self::Slow => None,
        }
    }
}

/// Makes a sandbox with a way out, and runs a program in it.
pub(super) async fn check(context: &Context) -> Vec<Finding> {
    let finding = match Engine::open(context) {
        Err(error) => failed(&error),
        Ok(engine) => {
            let finding = trial(&engine).await;
            engine.close().await;
            finding
        }
    };
    vec![finding]
}

fn failed(failure: &dyn Failure) -> Finding {
    Finding::failed(CHECK, State::Missing, failure)
}

async fn trial(engine: &Engine) -> Finding {
    let since = Instant::now();
    match timeout(PATIENCE, run(engine)).await {
        Ok(Ok(())) => Finding::good(
            CHECK,
            format!("one started and ended within {} ms", since.elapsed().as_millis()),
        ),
        Ok(Err(error)) => failed(&error),
        Err(_) => failed(&TrialError::Slow),
    }
}

async fn run(engine: &Engine) -> Result<(), TrialError> {
    // The directory's own file system must do for overlays.
    let scratch = engine.store.scratch()?;
    let root = root(scratch.path())?;
    let sandbox = engine.sandboxes().create(spec(root)).await?;
    let exit = async {
        sandbox.start().await?;
        Ok::<_, TrialError>(sandbox.wait().await?)
    };
    let exit = exit.await;
    sandbox.remove().await?;
    match exit? {
        exit if exit.is_success() => Ok(()),
        exit => Err(TrialError::Exit(exit)),
    }
}

/// Makes a root of nothing but the program.
fn root(scratch: &Path) -> std::io::Result<PathBuf> {
    let root = scratch.join("root");
    fs::create_dir(&root)?;
    let program = root.join(PROGRAM);
    fs::write(&program, program::image())?;
    for path in [&root, &program] {
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
    }
    Ok(root)
}

fn spec(root: PathBuf) -> SandboxSpec {
    SandboxSpec {
        id: id(),
        profile: Profile::Run,
        lowers: vec![root],
        upper: Upper::Tmpfs {
            size: ByteSize::mebibytes(16),
        },
        mounts: Vec::new(),
        files: Vec::new(),
        directories: Vec::new(),
        made: Vec::new(),
        process: Process {
            args: vec![format!("/{PROGRAM}")],
            ..Process::default()
        },
        limits: Limits {
            memory: Some(ByteSize::mebibytes(64)),
            cpu: None,
            pids: 16,
        },
        network: Network::Egress,
        hostname: "doctor".to_owned(),
    }
}

#[expect(clippy::expect_used, reason = "letters, digits and dashes are an identifier")]
fn id() -> SandboxId {
    format!("doctor-{}", std::process::id())
        .parse()
        .expect("a sandbox identifier")
}
