//! Executing the program of a sandbox, and saying exactly why it cannot be.

use std::ffi::{CString, NulError};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};

use coracle_sandbox::Process;
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::Pid;

use crate::lifeline::ExecFailure;
use crate::process::{close_all_except, exit_now, fork};
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

    /// Executes the program in a child; answers once the kernel has accepted it.
    pub(super) fn spawn(&self) -> Result<Pid, ExecFailure> {
        self.try_spawn().unwrap_or_else(|error| Err(system(&error)))
    }

    fn try_spawn(&self) -> io::Result<Result<Pid, ExecFailure>> {
        let (mut verdict, report) = io::pipe()?;
        let child = fork(|| {
            let report = OwnedFd::from(report.try_clone().unwrap_or_else(|_| exit_now(127)));
            let failure = self.execute(&report);
            let bytes = serde_json::to_vec(&failure).unwrap_or_default();
            let _ = rustix::io::write(&report, &bytes);
            127
        })?;
        drop(report);
        let mut bytes = Vec::new();
        verdict.read_to_end(&mut bytes)?;
        Ok(if bytes.is_empty() {
            Ok(Pid::from_raw(child.as_raw_nonzero().get()))
        } else {
            Err(serde_json::from_slice(&bytes)?)
        })
    }

    /// Turns this process into the program, or answers why not.
    fn execute(&self, report: &OwnedFd) -> ExecFailure {
        close_all_except(&[report.as_raw_fd()]);
        if let Err(error) = restore_signals().and_then(|()| self.filters.apply()) {
            return system(&error);
        }
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
