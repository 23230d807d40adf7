//! Executing the program of a sandbox, and saying exactly why it cannot be.

use std::ffi::{CString, NulError};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;

use coracle_sandbox::Process;
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::Pid;

use crate::lifeline::ExecFailure;
use crate::process::{close_all_except, fork};
use crate::seccomp::Filters;

/// Where programs are searched for when the environment has no `PATH` (as `execvp(3)` does, plus `local`).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program ready to be executed: everything that allocates is done before the fork.
pub(super) struct Program {
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    filters: Filters,
}

impl Program {
    pub(super) fn new(process: &Process, filters: &Filters) -> io::Result<Self> {
        let arguments = strings(process.args.iter().cloned())?;
        let environment = strings(process.env.iter().map(|(name, value)| format!("{name}={value}")))?;
        let name = process.args.first().map_or("", String::as_str);
        let path = process.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        Ok(Self {
            candidates: strings(candidates(name, path).into_iter())?,
            arguments,
            environment,
            filters: filters.clone(),
        })
    }

    /// Forks the child that will be the program, and has it do everything but the last step.
    pub(super) fn prepare(&self) -> io::Result<Waiting> {
        let (verdict, report) = io::pipe()?;
        let (told, go) = io::pipe()?;
        let child = fork(|| {
            close_all_except(&[report.as_raw_fd(), told.as_raw_fd()]);
            let failure = match self.confine().and_then(|()| await_go(&told)) {
                Ok(()) => self.execute(),
                Err(error) => system(&error),
            };
            let bytes = serde_json::to_vec(&failure).unwrap_or_default();
            let _ = rustix::io::write(&report, &bytes);
            127
        })?;
        Ok(Waiting {
            child: Pid::from_raw(child.as_raw_nonzero().get()),
            go,
            verdict,
        })
    }

    fn confine(&self) -> io::Result<()> {
        restore_signals()?;
        self.filters.apply()
    }

    /// Turns this process into the program, or answers why not.
    fn execute(&self) -> ExecFailure {
        let mut denied = false;
        for candidate in &self.candidates {
            let Err(errno) = nix::unistd::execve(candidate, &self.arguments, &self.environment);
            match errno {
                Errno::EACCES | Errno::EPERM => denied = true,
                Errno::ENOENT | Errno::ENOTDIR if !exists(candidate) => {}
                Errno::ENOENT => return ExecFailure::NoInterpreter,
                Errno::ENOEXEC => return ExecFailure::WrongFormat,
                other => return ExecFailure::System(other as i32),
            }
        }
        if denied {
            ExecFailure::NotExecutable
        } else {
            ExecFailure::NotFound
        }
    }
}

/// A child that waits to be the program: its fork and its filters are paid before anybody waits.
pub(super) struct Waiting {
    child: Pid,
    go: PipeWriter,
    verdict: PipeReader,
}

impl Waiting {
    /// Has it execute the program; answers once the kernel has accepted it.
    pub(super) fn go(self) -> Result<Pid, ExecFailure> {
        self.try_go().unwrap_or_else(|error| Err(system(&error)))
    }

    fn try_go(mut self) -> io::Result<Result<Pid, ExecFailure>> {
        self.go.write_all(&[1])?;
        let mut bytes = Vec::new();
        self.verdict.read_to_end(&mut bytes)?;
        Ok(if bytes.is_empty() {
            Ok(self.child)
        } else {
            Err(serde_json::from_slice(&bytes)?)
        })
    }
}

/// Waits for the word; without it, the first process has ended.
fn await_go(told: &PipeReader) -> io::Result<()> {
    match rustix::io::read(told, &mut [0_u8; 1])? {
        1 => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The signal mask and the ignored signals outlive an execution; a program expects neither.
fn restore_signals() -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: the default action runs no code of this program.
        unsafe { sigaction(signal, &default) }?;
    }
    SigSet::empty().thread_set_mask()?;
    Ok(())
}

fn exists(path: &CString) -> bool {
    rustix::fs::stat(path.as_c_str()).is_ok()
}

fn system(error: &io::Error) -> ExecFailure {
    ExecFailure::System(error.raw_os_error().unwrap_or(libc::EIO))
}

fn strings(texts: impl Iterator<Item = String>) -> io::Result<Vec<CString>> {
    texts
        .map(CString::new)
        .collect::<Result<_, NulError>>()
        .map_err(io::Error::from)
}

/// The files that `name` may mean (`execvp(3)`): itself when it has a slash, else one in each directory of `path`.
fn candidates(name: &str, path: &str) -> Vec<String> {
    if name.contains('/') || name.is_empty() {
        return vec![name.to_owned()];
    }
    path.split(':')
        .map(|directory| format!("{}/{name}", if directory.is_empty() { "." } else { directory }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_slash_is_searched_for_and_others_are_not() {
        for (name, path, expected) in [
            ("sh", "/bin:/usr/bin", vec!["/bin/sh", "/usr/bin/sh"]),
            ("sh", "", vec!["./sh"]),
            ("./sh", "/bin", vec!["./sh"]),
            ("/opt/app", "/bin", vec!["/opt/app"]),
            ("", "/bin", vec![""]),
        ] {
            assert_eq!(candidates(name, path), expected, "{name} in {path}");
        }
    }
}
