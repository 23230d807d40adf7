//! Sandboxes: one is made and runs a program, with all that an instance gets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coracle_content::StoreError;
use coracle_sandbox::{
    Bind, CreateError, Exit, Limits, Network, Process, Profile, SandboxError, SandboxId, SandboxSpec,
    StartError, Upper,
};
use coracle_spec::{ByteSize, Class, Failure};
use tokio::time::timeout;

use super::finding::{Finding, State};
use crate::context::Context;
use crate::engine::Engine;

const CHECK: &str = "sandboxes";

/// How long making, running and removing it may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What every Linux distribution has in one of the folders that are shown to it.
const PROGRAM: &str = "true";

/// Folders of the host that hold programs and what they load.
const FOLDERS: [&str; 5] = ["/usr", "/bin", "/lib", "/lib64", "/nix"];

/// Why a sandbox does not work.
#[derive(Debug, thiserror::Error)]
enum TrialError {
    #[error("cannot keep a file in the data directory")]
    Store(#[from] StoreError),
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
            Self::Exit(_) | Self::Slow => None,
        }
    }
}

/// Makes a sandbox as instances get it, with a way out, and runs a program of the host in it.
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
    let root = engine.store.scratch()?;
    let sandbox = engine.sandboxes().create(spec(root.path())).await?;
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

/// A root of nothing but the host's programs, which it may only read. `root` is on the file system of instances.
fn spec(root: &Path) -> SandboxSpec {
    let shown = FOLDERS.iter().map(Path::new).filter(|path| path.exists());
    let mounts = shown.map(|path| Bind {
        source: path.to_owned(),
        target: path.to_owned(),
        read_only: true,
    });
    SandboxSpec {
        id: id(),
        profile: Profile::Run,
        lowers: vec![root.to_owned()],
        upper: Upper::Tmpfs {
            size: ByteSize::mebibytes(16),
        },
        mounts: mounts.collect(),
        files: Vec::new(),
        process: Process {
            args: vec![PROGRAM.to_owned()],
            env: BTreeMap::from([(
                "PATH".to_owned(),
                "/usr/bin:/bin:/run/current-system/sw/bin".to_owned(),
            )]),
            cwd: PathBuf::from("/"),
            uid: 0,
            gid: 0,
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
