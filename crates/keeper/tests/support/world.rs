//! What the tests of sandboxes stand on: a root file system of a few tools, and a keeper of their own.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code, shared by several tests"
)]
#![allow(clippy::disallowed_methods, reason = "test code")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use coracle_netns::Dialer;
use coracle_sandbox::{
    Exit, KeeperClient, KeeperConfig, Limits, Network, Process, Profile, Sandbox, SandboxSpec, Sandboxes,
    Upper,
};
use coracle_spec::ByteSize;
use coracle_tasks::Tasks;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::net::unix::pipe;

/// How long anything may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Programs of the host that the root file system has, with the libraries that they load.
const TOOLS: &[&str] = &[
    "sh", "cat", "ls", "sleep", "id", "env", "mkdir", "rm", "stat", "ln", "chown", "touch", "mv",
];

/// A keeper of its own.
pub(crate) struct World {
    pub(crate) client: KeeperClient,
    directory: TempDir,
    count: AtomicU32,
}

impl World {
    /// One that ends with its client.
    pub(crate) fn new() -> Self {
        Self::with_lease(Duration::ZERO)
    }

    pub(crate) fn with_lease(lease: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let client = client(directory.path(), lease, Tasks::new());
        Self {
            client,
            directory,
            count: AtomicU32::new(0),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Another server on the same data directory.
    pub(crate) fn second_client(&self, lease: Duration) -> KeeperClient {
        client(self.directory.path(), lease, Tasks::new())
    }

    pub(crate) fn spec(&self, args: &[&str]) -> SandboxSpec {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        SandboxSpec {
            id: format!("test-{number}").parse().unwrap(),
            profile: Profile::Run,
            lowers: vec![root().to_owned()],
            upper: Upper::Tmpfs {
                size: ByteSize::mebibytes(16),
            },
            mounts: Vec::new(),
            files: Vec::new(),
            directories: Vec::new(),
            made: Vec::new(),
            process: Process {
                args: args.iter().map(|arg| (*arg).to_owned()).collect(),
                env: BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]),
                cwd: "/".into(),
                uid: 1000,
                gid: 1000,
                ..Process::default()
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

    pub(crate) async fn create(&self, spec: SandboxSpec) -> Arc<dyn Sandbox> {
        self.client
            .create(spec)
            .await
            .unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// Creates and starts; answers its lines as well.
    pub(crate) async fn start(
        &self,
        spec: SandboxSpec,
    ) -> (Arc<dyn Sandbox>, Lines<BufReader<pipe::Receiver>>) {
        let sandbox = self.create(spec).await;
        let output = sandbox.output().unwrap();
        sandbox
            .start()
            .await
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
        (sandbox, BufReader::new(output.stdout).lines())
    }

    /// Runs to the end; answers how it ended, and what it printed on both.
    pub(crate) async fn run(&self, spec: SandboxSpec) -> (Exit, String, String) {
        let sandbox = self.create(spec).await;
        let output = sandbox.output().unwrap();
        sandbox
            .start()
            .await
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
        let (stdout, stderr) = tokio::join!(text_of(output.stdout), text_of(output.stderr));
        let exit = sandbox.wait().await.unwrap();
        sandbox.remove().await.unwrap();
        (exit, stdout, stderr)
    }

    /// Runs a script; answers what it printed, which fails the test unless it ends well.
    pub(crate) async fn shell(&self, script: &str) -> String {
        let (exit, stdout, stderr) = self.run(self.spec(&["sh", "-c", script])).await;
        assert_eq!(exit, Exit::Code(0), "{stdout}{stderr}");
        stdout
    }

    /// Ends the keeper, and waits until nothing is left.
    pub(crate) async fn end(self) {
        self.client.shutdown(PATIENCE).await.unwrap();
    }
}

pub(crate) fn client(directory: &Path, lease: Duration, tasks: Tasks) -> KeeperClient {
    let config = KeeperConfig {
        program: env!("CARGO_BIN_EXE_coracle-keeper").into(),
        arguments: Vec::<OsString>::new(),
        run_directory: directory.join("run"),
        lease,
        start_deadline: PATIENCE,
    };
    KeeperClient::new(config, tasks, Dialer::start().unwrap())
}

/// The next line, which fails the test when there is none.
pub(crate) async fn line(lines: &mut Lines<BufReader<pipe::Receiver>>) -> String {
    tokio::time::timeout(PATIENCE, lines.next_line())
        .await
        .expect("no line came")
        .unwrap()
        .expect("the output ended")
}

/// Reads a pipe to its end.
pub(crate) async fn text_of(mut pipe: pipe::Receiver) -> String {
    let mut text = String::new();
    tokio::time::timeout(PATIENCE, pipe.read_to_string(&mut text))
        .await
        .expect("the pipe was not closed")
        .unwrap();
    text
}

/// All messages of an error.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The root file system: made once for all tests of a program, since nothing ever writes to it.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("root-{}", env!("CARGO_CRATE_NAME")));
        let _ = std::fs::remove_dir_all(&root);
        make_root(&root);
        root
    })
}

fn make_root(root: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for directory in ["bin", "etc", "tmp", "proc", "sys", "dev"] {
        std::fs::create_dir_all(root.join(directory)).unwrap();
    }
    std::fs::set_permissions(root.join("tmp"), PermissionsExt::from_mode(0o1777)).unwrap();
    std::fs::write(root.join("etc/motd"), "from below\n").unwrap();
    std::fs::write(root.join("bin/broken"), "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(root.join("bin/broken"), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(root.join("bin/data"), "not a program\n").unwrap();
    compile_probe(&root.join("bin/probe"));
    for tool in TOOLS {
        let from = find(tool);
        copy(&from, &root.join("bin").join(tool));
        for library in libraries(&from) {
            copy(&library, &root.join(library.strip_prefix("/").unwrap()));
        }
    }
}

fn compile_probe(to: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/probe.c");
    let status = Command::new("cc")
        .args(["-static", "-O1", "-o"])
        .args([to, &source])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the tests need a C compiler: install gcc and libc6-dev"
    );
}

fn find(tool: &str) -> PathBuf {
    ["/bin", "/usr/bin", "/usr/sbin", "/sbin"]
        .iter()
        .map(|directory| Path::new(directory).join(tool))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("the tests need `{tool}`: install coreutils"))
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
