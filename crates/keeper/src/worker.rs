//! A process that creates one sandbox.
//!
//! Creating takes many milliseconds (joining control groups alone waits for a grace period of the kernel's), blocks, and
//! may hang. So the keeper's loop does not do it: it hands the specification to a worker that was forked ahead, with its
//! control groups, mount namespace, user ids and way out in place, and kills it when it takes too long. A worker creates one sandbox and ends;
//! the sandbox's first process, its child, then becomes the keeper's.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use coracle_netns::{Egress, Netns};
use coracle_sandbox::wire::{Connection, Received, WireError};
use coracle_sandbox::{Refusal, SandboxSpec};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::cgroup::Groups;
use crate::create::{Creation, create, is_on_disk, prepare_way_out};
use crate::id_map::IdBase;
use crate::limits;
use crate::process::{close_all_except, die_with_parent, fork};
use crate::rootfs::Stage;

/// What a worker answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// The sandbox exists; comes with descriptors of its first process and its network namespace.
    Created {
        /// Its first process.
        pid: u32,
        /// How long each part took.
        micros: BTreeMap<String, u64>,
    },
    /// It does not.
    Failed(Refusal),
}

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// The control groups of the keeper.
    pub(crate) groups: Groups,
    /// A user namespace with the ids of uppers on disk.
    pub(crate) disk_ids: OwnedFd,
    /// The way out of sandboxes, or why there is none.
    pub(crate) egress: Result<Egress, Refusal>,
}

/// A worker, as the keeper sees it.
#[derive(Debug)]
pub(crate) struct Worker {
    pid: Pid,
    number: u32,
    connection: Connection,
}

impl Worker {
    /// Forks a worker with that number: the sandbox that it creates has its groups and its range of ids.
    pub(crate) fn fork(workshop: &Workshop, number: u32) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let keeper = rustix::process::getpid();
        let pid = fork(|| {
            let mut keep = vec![theirs.as_raw_fd(), workshop.disk_ids.as_raw_fd()];
            keep.extend(
                workshop
                    .egress
                    .iter()
                    .map(|egress| egress.router().as_fd().as_raw_fd()),
            );
            close_all_except(&keep);
            match theirs.try_clone() {
                Ok(socket) if die_with_parent(keeper) => {
                    work(Connection::new(socket.into()), workshop, number)
                }
                _ => 1,
            }
        })?;
        Ok(Self {
            pid,
            number,
            connection: Connection::new(ours.into()),
        })
    }

    /// Answers whether it still waits for work: one that says anything before, or closes its end, does not.
    pub(crate) fn is_waiting(&self) -> bool {
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(
            &mut [PollFd::new(&self.connection, PollFlags::IN)],
            Some(&at_once),
        ) == Ok(0)
    }

    /// Answers its process.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Answers its number.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Hands it the specification, with the writing ends of the output pipes and its end of the lifeline.
    pub(crate) fn hand(&mut self, spec: &SandboxSpec, descriptors: Vec<OwnedFd>) -> Result<(), WireError> {
        self.connection.push(spec, descriptors)?;
        self.connection.flush()?;
        Ok(())
    }

    /// Answers what came of it, once it has.
    pub(crate) fn outcome(&mut self) -> Result<Option<Received<Outcome>>, WireError> {
        self.connection.flush()?;
        self.connection.receive()
    }

    /// Answers its socket, to wait on.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// The life of a worker.
fn work(mut connection: Connection, workshop: &Workshop, number: u32) -> i32 {
    let (group, base) = (workshop.groups.of(number), IdBase::of_count(number));
    let stage = limits::set()
        .and_then(|()| group.enter())
        .and_then(|()| Stage::enter(base, &group.informative()))
        .map_err(Unready);
    let way_out = stage
        .as_ref()
        .ok()
        .and_then(|stage| prepare_way_out(stage, workshop));
    let Ok(Some(request)) = connection.receive::<SandboxSpec>() else {
        // The keeper did not need this worker.
        return 0;
    };
    let creation = stage
        .map_err(|error| Refusal::of(&error))
        .and_then(|stage| build(request, stage, (way_out, workshop)));
    let (outcome, descriptors) = match creation {
        Ok(creation) => {
            let micros = creation.micros;
            (
                Outcome::Created {
                    pid: creation.pid,
                    micros,
                },
                vec![creation.pidfd, creation.netns],
            )
        }
        Err(refusal) => (Outcome::Failed(refusal), Vec::new()),
    };
    let sent = connection
        .push(&outcome, descriptors)
        .and_then(|()| connection.flush());
    // Stays until the keeper has heard from the sandbox itself: the first process must not lose its parent before.
    let _ = connection.receive::<()>();
    i32::from(sent.is_err())
}

fn build(
    request: Received<SandboxSpec>,
    mut stage: Stage,
    (mut way_out, workshop): (Option<Netns>, &Workshop),
) -> Result<Creation, Refusal> {
    if is_on_disk(&request.message) {
        let map = workshop.disk_ids.try_clone();
        stage.use_disk_ids(map.map_err(|error| Refusal::of(&Unready(error)))?);
        way_out = None;
    }
    create(request, &stage, way_out.as_ref(), workshop).map_err(|error| Refusal::of(&error))
}

/// A worker could not set itself up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up a mount namespace and user ids")]
struct Unready(#[source] io::Error);

impl coracle_spec::Failure for Unready {
    fn class(&self) -> coracle_spec::Class {
        match self.0.raw_os_error() {
            Some(libc::ENOSPC | libc::EMFILE | libc::ENFILE | libc::EAGAIN) => coracle_spec::Class::Busy,
            _ => coracle_spec::Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        (self.0.raw_os_error() == Some(libc::ENOSPC))
            .then(|| "raise the sysctls `user.max_user_namespaces` and `user.max_mnt_namespaces`".to_owned())
    }
}
