//! The resource limits of every process in a sandbox (getrlimit(2)), set explicitly: what the keeper was started with
//! depends on the shell or the service manager.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for servers; some programs walk through all possible descriptors, so no more.
const DESCRIPTORS: u64 = 65_536;
const STACK: u64 = 8 << 20;
const LOCKED_MEMORY: u64 = 8 << 20;

/// Sets the limits of this process and its children. Memory, processes and processor time are the control groups'.
pub(crate) fn set() -> io::Result<()> {
    set_both(Resource::Nofile, DESCRIPTORS)?;
    set_both(Resource::Core, 0)?;
    set_both(Resource::Memlock, LOCKED_MEMORY)?;
    set_both(Resource::Msgqueue, 819_200)?;
    setrlimit(
        Resource::Stack,
        Rlimit {
            current: Some(STACK),
            maximum: getrlimit(Resource::Stack).maximum,
        },
    )?;
    for unlimited in [
        Resource::Nproc,
        Resource::As,
        Resource::Data,
        Resource::Fsize,
        Resource::Cpu,
        Resource::Sigpending,
    ] {
        setrlimit(
            unlimited,
            Rlimit {
                current: None,
                maximum: None,
            },
        )?;
    }
    Ok(())
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

fn set_both(resource: Resource, value: u64) -> io::Result<()> {
    Ok(setrlimit(
        resource,
        Rlimit {
            current: Some(value),
            maximum: Some(value),
        },
    )?)
}
