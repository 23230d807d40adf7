//! One sandbox, as the keeper knows it.
//!
//! ```text
//! Queued → Creating → Created → Starting → Running → Ended
//!             └────────► Failed ◄ …                    (cleared away by a janitor, then forgotten once removed)
//! ```

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use coracle_sandbox::wire::Answer;
use coracle_sandbox::{Exit, Refusal, SandboxSpec};
use rustix::process::{Pid, Signal, pidfd_send_signal};

use super::client::Caller;
use super::refused::Refused;
use crate::cgroup::Group;
use crate::lifeline::lifeline;
use crate::process::kill;
use crate::worker::Worker;

/// A sandbox.
#[derive(Debug)]
pub(super) struct Instance {
    /// What it is made of; the contents of its files are dropped once it is created.
    pub(super) spec: SandboxSpec,
    /// How far it is.
    pub(super) phase: Phase,
    /// The keeper's end of the lifeline, until the other end is closed.
    pub(super) lifeline: Option<OwnedFd>,
    /// Its first process, once there is one.
    pub(super) handle: Option<Handle>,
    /// Its control groups, once a worker has it.
    pub(super) group: Option<Group>,
    /// How the program ended, as the first process told.
    pub(super) reported: Option<Exit>,
    /// Whether its control groups are removed.
    pub(super) clearing: Clearing,
    /// Who waits for its removal.
    pub(super) removals: Vec<Caller>,
    output: [OwnedFd; 2],
    /// The other ends of pipes and lifeline, until a worker has them.
    given: Vec<OwnedFd>,
}

/// How far a sandbox is.
#[derive(Debug)]
pub(super) enum Phase {
    /// It waits for a worker.
    Queued(Caller),
    /// A worker creates it.
    Creating(Creating),
    /// It waits to be started.
    Created,
    /// Its first process was told to execute the program.
    Starting(Caller),
    /// The program runs.
    Running,
    /// The program has ended, or was never started and never will be.
    Ended(Exit),
    /// It could not be created; who asked is told so once it is cleared away.
    Failed(Caller, Refusal),
}

impl Phase {
    /// Answers the state in words that fit after "is".
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Queued(_) | Self::Creating(_) => "being created",
            Self::Created => "not started",
            Self::Starting(_) => "being started",
            Self::Running => "running",
            Self::Ended(_) => "over",
            Self::Failed(..) => "not created",
        }
    }
}

/// A creation under way: done when the worker has answered and the first process has reported.
#[derive(Debug)]
pub(super) struct Creating {
    pub(super) caller: Caller,
    pub(super) worker: Worker,
    pub(super) deadline: Instant,
    pub(super) reported: bool,
    pub(super) micros: BTreeMap<String, u64>,
}

/// The first process and the network of a sandbox.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) pid: u32,
    pub(super) pidfd: OwnedFd,
    pub(super) netns: OwnedFd,
}

/// Whether what a sandbox leaves was cleared away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clearing {
    /// It is still needed.
    NotYet,
    /// This process does it.
    By(Pid),
    /// Nothing is left.
    Done,
}

impl Instance {
    /// Makes the pipes and the lifeline of a sandbox to come.
    pub(super) fn new(spec: SandboxSpec, caller: Caller) -> io::Result<Self> {
        let (stdout, stdout_given) = io::pipe()?;
        let (stderr, stderr_given) = io::pipe()?;
        let (lifeline, lifeline_given) = lifeline()?;
        Ok(Self {
            spec,
            phase: Phase::Queued(caller),
            lifeline: Some(lifeline),
            handle: None,
            group: None,
            reported: None,
            clearing: Clearing::NotYet,
            removals: Vec::new(),
            output: [stdout.into(), stderr.into()],
            given: vec![stdout_given.into(), stderr_given.into(), lifeline_given],
        })
    }

    /// Takes the descriptors that go to the worker.
    pub(super) fn take_given(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.given)
    }

    /// Answers copies of the descriptors that go to clients, in the order of [`Answer::Created`].
    pub(super) fn descriptors(&self) -> io::Result<Vec<OwnedFd>> {
        let Some(handle) = &self.handle else {
            return Ok(Vec::new());
        };
        [&handle.pidfd, &handle.netns, &self.output[0], &self.output[1]]
            .iter()
            .map(|descriptor| descriptor.as_fd().try_clone_to_owned())
            .collect()
    }

    /// Answers its control groups.
    pub(super) fn group(&self) -> Result<&Group, Refused> {
        self.group.as_ref().ok_or_else(|| Refused::State {
            state: self.phase.name(),
        })
    }

    /// Notes that it is created, and ends its worker, which would end by itself too, but not before it gets a processor:
    /// until then it is a member of the sandbox's groups and would be frozen with them.
    pub(super) fn dismiss_worker(&mut self) {
        if let Phase::Creating(creating) = std::mem::replace(&mut self.phase, Phase::Created) {
            kill(creating.worker.pid());
        }
    }

    /// Answers how the program ended, if it has.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self.phase {
            Phase::Ended(exit) => Some(exit),
            _ => None,
        }
    }

    /// Answers whether nothing of it will ever run again.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended(_) | Phase::Failed(..))
    }

    /// Kills everything in it. One that is over already needs no killing.
    pub(super) fn kill(&self) {
        if let Some(handle) = self.handle.as_ref().filter(|_| !self.is_over()) {
            let _ = pidfd_send_signal(&handle.pidfd, Signal::KILL);
        }
    }
}

impl Creating {
    /// Answers what the caller is told.
    pub(super) fn answer(&self, handle: &Handle) -> Answer {
        Answer::Created {
            pid: handle.pid,
            micros: self.micros.clone(),
        }
    }
}
