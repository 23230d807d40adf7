//! The first process of a sandbox.
//!
//! It waits to be told to start, executes the program as its child, passes signals on, reaps what others leave behind,
//! and ends with the program; the kernel then ends everything else in the sandbox. A program that were process 1 itself
//! would ignore `SIGTERM` unless it has a handler (Node and Python have none), and reap no orphans.
//!
//! It is not another program but the keeper's own code, entered through the hook that libcontainer calls instead of
//! executing: the sandbox needs no file for it.

mod arguments;
mod exec;

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use coracle_sandbox::{Exit, Process};
use libcontainer::oci_spec::runtime::Spec;
use libcontainer::workload::{Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, poll};

use crate::lifeline::{Command, Report, hear, tell};
use crate::process::{close_all_except, exit_now};
use crate::seccomp::Filters;
use exec::Program;

/// The code with which the first process ends when it was not told to start.
const NEVER_STARTED: i32 = 125;

/// Runs [`First`] where libcontainer would execute the program.
#[derive(Clone)]
pub(crate) struct InitExecutor {
    lifeline: RawFd,
    process: Rc<Process>,
    filters: Rc<Filters>,
}

impl InitExecutor {
    /// Will execute `process` under `filters`; `lifeline` stays open in the caller.
    pub(crate) fn new(lifeline: &OwnedFd, process: Process, filters: Filters) -> Self {
        Self {
            lifeline: lifeline.as_raw_fd(),
            process: Rc::new(process),
            filters: Rc::new(filters),
        }
    }
}

impl Executor for InitExecutor {
    fn exec(&self, _: &Spec) -> Result<(), ExecutorError> {
        // SAFETY: the descriptor was inherited open, and nothing else in this process uses it.
        let lifeline = unsafe { OwnedFd::from_raw_fd(self.lifeline) };
        close_all_except(&[self.lifeline]);
        let code = First::new(lifeline, &self.process, &self.filters)
            .and_then(First::run)
            .unwrap_or(NEVER_STARTED);
        exit_now(code)
    }

    /// Whether the program is there is found out by executing it, when it is started.
    fn validate(&self, _: &Spec) -> Result<(), ExecutorValidationError> {
        Ok(())
    }

    /// The last call before libcontainer waits, with all credentials as they stay: from here until the first process
    /// can watch its lifeline, it must end with the worker that makes it.
    fn setup_envs(&self, _: HashMap<String, String>) -> Result<(), ExecutorSetEnvsError> {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .map_err(|errno| ExecutorSetEnvsError::Other(errno.to_string()))
    }
}

/// The first process, from its entry to its end.
struct First {
    lifeline: OwnedFd,
    signals: SignalFd,
    program: Program,
}

impl First {
    fn new(lifeline: OwnedFd, process: &Process, filters: &Filters) -> io::Result<Self> {
        arguments::overwrite()?;
        // Its memory is a copy of the keeper's: nobody inside may look at it.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
        rustix::thread::set_name(c"coracle-init")?;
        SigSet::all().thread_set_mask()?;
        let signals = SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let program = Program::new(process, filters)?;
        Ok(Self {
            lifeline,
            signals,
            program,
        })
    }

    fn run(self) -> io::Result<i32> {
        rustix::process::set_parent_process_death_signal(None)?;
        let waiting = self.program.prepare()?;
        release_output()?;
        tell(&self.lifeline, &Report::Ready)?;
        self.await_start()?;
        match waiting.go() {
            Ok(child) => {
                tell(&self.lifeline, &Report::Started)?;
                self.mind(child)
            }
            Err(failure) => {
                tell(&self.lifeline, &Report::NotStarted(failure))?;
                Ok(NEVER_STARTED)
            }
        }
    }

    fn await_start(&self) -> io::Result<()> {
        loop {
            wait_readable(&[self.lifeline.as_fd()])?;
            match hear(&self.lifeline)? {
                Some(Command::Start) => return Ok(()),
                Some(Command::Signal(_)) => return Err(io::ErrorKind::Interrupted.into()),
                None => {}
            }
        }
    }

    /// Passes on signals and reaps until the program ends.
    fn mind(&self, child: Pid) -> io::Result<i32> {
        loop {
            wait_readable(&[self.lifeline.as_fd(), self.signals.as_fd()])?;
            while let Some(Command::Signal(number)) = hear(&self.lifeline)? {
                pass_on(child, number);
            }
            while let Some(signal) = self.signals.read_signal()? {
                let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
                if number != Signal::SIGCHLD as i32 {
                    pass_on(child, number);
                }
            }
            if let Some(exit) = reap(child)? {
                tell(&self.lifeline, &Report::Ended(exit))?;
                return Ok(match exit {
                    Exit::Code(code) => code,
                    Exit::Signal(number) => 128 + number,
                    Exit::OutOfMemory => NEVER_STARTED,
                });
            }
        }
    }
}

fn wait_readable(descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut polled: Vec<PollFd<'_>> = descriptors
        .iter()
        .map(|fd| PollFd::new(fd, PollFlags::IN))
        .collect();
    match poll(&mut polled, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// A signal that the kernel refuses, or a program that is already gone, changes nothing.
fn pass_on(child: Pid, number: i32) {
    // SAFETY: `kill` takes any two numbers; the child was not waited for, so its number is still its own.
    unsafe { libc::kill(child.as_raw(), number) };
}

/// Reaps everything that has ended; answers how `child` did, once it has.
fn reap(child: Pid) -> io::Result<Option<Exit>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => return Ok(Some(Exit::Code(code))),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(Some(Exit::Signal(signal as i32)));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(None),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Lets go of the program's pipes, so that their readers see the end when the program closes them.
fn release_output() -> io::Result<()> {
    let null = fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}
