//! The resource limits of every process in a sandbox (getrlimit(2)), set explicitly: what the keeper was started with
//! depends on the shell or the service manager.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for servers; some programs walk through all possible descriptors, so no more.
const DESCRIPTORS: u64 = 65_536;
const STACK: u64 = 8 << 20;
const LOCKED_MEMORY: u64 = 8 << 20;

/// What is set; `None` is as much as the host allows. Memory, processes and processor time are the control groups'.
const LIMITS: [(Resource, Option<u64>); 11] = [
    (Resource::Nofile, Some(DESCRIPTORS)),
    (Resource::Core, Some(0)),
    (Resource::Memlock, Some(LOCKED_MEMORY)),
    (Resource::Msgqueue, Some(819_200)),
    (Resource::Nproc, None),
    (Resource::As, None),
    (Resource::Data, None),
    (Resource::Fsize, None),
    (Resource::Cpu, None),
    (Resource::Rss, None),
    (Resource::Sigpending, None),
];

/// Sets the limits of this process and its children. None goes above what this process may have itself, which in a
/// container can be less.
pub(crate) fn set() -> io::Result<()> {
    for (resource, wanted) in LIMITS {
        let limit = at_most(wanted, getrlimit(resource).maximum);
        setrlimit(
            resource,
            Rlimit {
                current: limit,
                maximum: limit,
            },
        )?;
    }
    // The stack alone is smaller than what a program may raise it to: it is also the room that `mmap` leaves.
    let maximum = getrlimit(Resource::Stack).maximum;
    Ok(setrlimit(
        Resource::Stack,
        Rlimit {
            current: at_most(Some(STACK), maximum),
            maximum,
        },
    )?)
}

fn at_most(wanted: Option<u64>, allowed: Option<u64>) -> Option<u64> {
    match (wanted, allowed) {
        (Some(wanted), Some(allowed)) => Some(wanted.min(allowed)),
        (one, other) => one.or(other),
    }
}

/// Lets the keeper itself hold as many descriptors as the host allows: several for each sandbox.
pub(crate) fn raise_own() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?)
}
