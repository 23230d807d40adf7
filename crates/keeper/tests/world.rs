//! What the tests of sandboxes stand on: a root file system made of the host's BusyBox-like tools, and a keeper.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code, shared by several tests"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coracle_netns::Dialer;
use coracle_sandbox::{
    KeeperClient, KeeperConfig, Limits, Network, Process, Profile, Sandbox, SandboxSpec, Sandboxes, Upper,
};
use coracle_spec::ByteSize;
use coracle_tasks::Tasks;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A keeper of its own, and a root file system.
pub struct World {
    pub client: KeeperClient,
    pub root: PathBuf,
    directory: TempDir,
    count: AtomicU32,
}

impl World {
    pub fn new() -> Self {
        Self::with_lease(Duration::ZERO)
    }

    pub fn with_lease(lease: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        make_root(&root);
        let client = client(directory.path(), lease);
        Self {
            client,
            root,
            directory,
            count: AtomicU32::new(0),
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Another server on the same data directory.
    pub fn second_client(&self, lease: Duration) -> KeeperClient {
        client(self.directory.path(), lease)
    }

    pub fn spec(&self, args: &[&str]) -> SandboxSpec {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        SandboxSpec {
            id: format!("test-{number}").parse().unwrap(),
            profile: Profile::Run,
            lowers: vec![self.root.clone()],
            upper: Upper::Tmpfs {
                size: ByteSize::mebibytes(16),
            },
            mounts: Vec::new(),
            files: Vec::new(),
            process: Process {
                args: args.iter().map(|arg| (*arg).to_owned()).collect(),
                env: BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]),
                cwd: "/".into(),
                uid: 1000,
                gid: 1000,
            },
            limits: Limits {
                memory: Some(ByteSize::mebibytes(64)),
                cpu: None,
                pids: 32,
            },
            network: Network::None,
            hostname: "box".to_owned(),
        }
    }

    pub async fn create(&self, spec: SandboxSpec) -> Arc<dyn Sandbox> {
        self.client
            .create(spec)
            .await
            .unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    pub async fn shell(&self, script: &str) -> Arc<dyn Sandbox> {
        self.create(self.spec(&["sh", "-c", script])).await
    }

    /// Ends the keeper, and fails if something stays.
    pub async fn end(self) {
        self.client.shutdown(PATIENCE).await.unwrap();
    }
}

fn client(directory: &Path, lease: Duration) -> KeeperClient {
    let config = KeeperConfig {
        program: env!("CARGO_BIN_EXE_coracle-keeper").into(),
        arguments: Vec::<OsString>::new(),
        run_directory: directory.join("run"),
        lease,
        start_deadline: PATIENCE,
    };
    KeeperClient::new(config, Tasks::new(), Dialer::start().unwrap())
}

/// Copies the host's shell and what the tests use, with the libraries that they load.
fn make_root(root: &Path) {
    for directory in ["bin", "etc", "tmp", "proc", "sys", "dev"] {
        std::fs::create_dir_all(root.join(directory)).unwrap();
    }
    make_program(root);
    for tool in TOOLS {
        let from = find(tool);
        copy(&from, &root.join("bin").join(tool));
        for library in libraries(&from) {
            copy(&library, &root.join(library.strip_prefix("/").unwrap()));
        }
    }
}

const TOOLS: &[&str] = &[
    "sh", "cat", "ls", "sleep", "id", "env", "mkdir", "rm", "mknod", "unshare", "mount", "head", "stat",
    "chroot", "ln", "chown", "touch",
];

fn find(tool: &str) -> PathBuf {
    ["/bin", "/usr/bin", "/usr/sbin", "/sbin"]
        .iter()
        .map(|directory| Path::new(directory).join(tool))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("the tests need `{tool}`: install coreutils and util-linux"))
}

fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .expect("the tests need `ldd`: install libc-bin");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(from, to).unwrap();
}

/// Compiles the program that does what no tool does.
fn make_program(_root: &Path) {}

/// Reads a pipe to its end.
pub async fn text_of(mut pipe: pipe::Receiver) -> String {
    let mut text = String::new();
    tokio::time::timeout(PATIENCE, pipe.read_to_string(&mut text))
        .await
        .expect("the pipe was not closed")
        .unwrap();
    text
}

/// All messages of an error.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
