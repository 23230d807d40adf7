//! Running the program: a data directory, a clean environment, and servers that end with the test.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take to build, start or end before the test gives up on it.
const PATIENCE: Duration = Duration::from_mins(5);

/// What of the host's environment says how to reach package registries; nothing else of it is passed on.
const REGISTRY_SETTINGS: [&str; 10] = [
    "HOME",
    "SSL_CERT_FILE",
    "CORACLE_DEBIAN_MIRROR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PIP_INDEX_URL",
    "PIP_CONFIG_FILE",
    "NPM_CONFIG_REGISTRY",
    "NPM_CONFIG_USERCONFIG",
];

/// A data directory to run the program on.
pub(crate) struct Machine {
    data: PathBuf,
    /// Removes a directory of the test's own.
    _own: Option<tempfile::TempDir>,
}

impl Machine {
    /// Uses the data directory that all tests share and that stays between runs, so that bases are assembled once.
    pub(crate) fn shared() -> Self {
        Self {
            data: Path::new(env!("CARGO_TARGET_TMPDIR")).join("data"),
            _own: None,
        }
    }

    /// Uses an empty data directory.
    pub(crate) fn empty() -> Self {
        let own = tempfile::Builder::new()
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .unwrap();
        Self {
            data: own.path().to_owned(),
            _own: Some(own),
        }
    }

    /// Uses an empty data directory that has the store of the shared one: bases are there, everything else is its own.
    pub(crate) fn with_shared_store() -> Self {
        let machine = Self::empty();
        let store = Self::shared().data.join("store");
        fs_err::create_dir_all(&store).unwrap();
        fs_err::os::unix::fs::symlink(store, machine.data.join("store")).unwrap();
        machine
    }

    /// Uses a data directory that is somebody else's to remove.
    pub(crate) fn at(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            _own: None,
        }
    }

    /// Answers the data directory.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Prepares a run of the program.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coracle"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/nonexistent")
            .env("CORACLE_DATA", &self.data)
            // Stores are shared by machines that do not know of each other's functions.
            .env("CORACLE_CACHE_LIMIT", "none")
            .env("CORACLE_CACHE_AGE", "none");
        #[expect(
            clippy::disallowed_methods,
            reason = "tests pass the host's registry settings on"
        )]
        command.envs(
            REGISTRY_SETTINGS
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        );
        command.stdin(Stdio::null());
        command
    }

    /// Starts a program that prints its URL when it is ready, `up` or `serve`, and waits until it does.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }
}

/// A program that serves until it is told to end.
pub(crate) struct Running {
    child: Child,
    url: String,
    talk: Arc<Talk>,
}

/// What the program prints on its standard error, as it prints it.
#[derive(Default)]
struct Talk {
    text: Mutex<String>,
    grown: Condvar,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let talk = Arc::new(Talk::default());
        let (stderr, heard) = (child.stderr.take().unwrap(), Arc::clone(&talk));
        thread::spawn(move || heard.listen(stderr));
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        assert!(
            url.starts_with("http"),
            "no URL, but: {}",
            talk.text.lock().unwrap()
        );
        Self {
            child,
            url: url.trim().trim_end_matches('/').to_owned(),
            talk,
        }
    }

    /// Answers the URL that it printed, without a slash at its end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Answers its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has printed `part`.
    pub(crate) fn says(&self, part: &str) {
        self.talk.wait_for(part);
    }

    /// Answers what it has printed on its standard error so far.
    pub(crate) fn said(&self) -> String {
        self.talk.text.lock().unwrap().clone()
    }

    /// Asks it to end with Ctrl-C's signal, and expects it to end well.
    pub(crate) fn end(self) {
        signal(self.pid(), "INT");
        self.ended();
    }

    /// Expects it to end well, after it was asked to.
    pub(crate) fn ended(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.talk.text.lock().unwrap());
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Talk {
    fn listen(&self, from: impl Read) {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let mut text = self.text.lock().unwrap();
            text.push_str(&String::from_utf8_lossy(&line));
            text.push('\n');
            self.grown.notify_all();
        }
    }

    fn wait_for(&self, part: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut text = self.text.lock().unwrap();
        while !text.contains(part) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it never said {part:?}, but: {text}");
            text = self.grown.wait_timeout(text, left).unwrap().0;
        }
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("/bin/kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Answers a folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Copies an example, so that what a build writes into its folder stays out of the repository.
pub(crate) fn copy_of(example: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(
        &repository(&format!("examples/{example}")),
        &copy.path().join(example),
    );
    copy
}

/// Copies a folder with all that is in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}
