//! Daemons: started, known to be ready by a line of their log, ended with their value.

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Pid;

use crate::process::Process;

/// How long one may take to be ready.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that runs until it is dropped. What it writes on standard error is kept in a file.
///
/// It stays in the process group of who started it, so that an interrupt at the terminal ends it too.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `command`; its log goes to the file `log`.
    ///
    /// Answers it once `count` lines of the log have `marker` in them, and those lines.
    pub(crate) fn start(
        command: &mut Command,
        log: &Path,
        (marker, count): (&'static str, usize),
    ) -> Result<(Self, Vec<String>)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let (found, lines) = channel();
        let stderr = child.stderr.take().context("no standard error")?;
        let mut file = fs_err::File::create(log)?;
        std::thread::spawn(move || keep(stderr, &mut file, marker, &found));
        let daemon = Self {
            child,
            log: log.to_owned(),
        };
        let line = || lines.recv_timeout(PATIENCE);
        let ready: Result<Vec<_>, _> = (0..count).map(|_| line()).collect();
        let ready = ready.with_context(|| format!("{command:?} does not start: {}", daemon.said()))?;
        Ok((daemon, ready))
    }

    /// Answers what it wrote on standard error so far.
    pub(crate) fn said(&self) -> String {
        fs_err::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(process) = Process::open(Pid::from_child(&self.child)) {
            process.end();
        }
        let _ = self.child.wait();
    }
}

/// Copies a log to its file, and each line with `marker` to `found` while somebody listens.
fn keep(log: ChildStderr, file: &mut fs_err::File, marker: &str, found: &Sender<String>) {
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        let _ = writeln!(file, "{line}");
        if line.contains(marker) {
            let _ = found.send(line);
        }
    }
}
