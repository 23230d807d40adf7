//! The keeper process: sandboxes, control groups, mounts and the process that is first in each sandbox.
//!
//! The server has many threads, and a process with threads must not create containers: a lock that another thread holds
//! at the moment of the clone is never released in the child. So the program starts itself once more as the keeper, with
//! one thread and no runtime, which owns all sandboxes: their processes, the reading ends of their output, their
//! namespaces and control groups. The server may restart and find them again; when it does not come back within the
//! lease, the keeper ends them all.
//!
//! ```text
//! server ──requests──► keeper ──specification──► worker (forked ahead, one sandbox each)
//!    ▲ ◄──descriptors──  │  │                       └──creates──► first process ──► the program
//!    │                   │  └──lifeline─────────────────────────────▲
//!    │                   └──── watchdog: when the keeper is gone, removes what it kept
//!    └── output and connections, directly
//! ```

#![allow(
    unsafe_code,
    reason = "fork, execve and mount_setattr have no safe form; each use says why it is sound"
)]

mod cgroup;
mod create;
mod id_map;
mod init;
mod keeper;
mod lifeline;
mod limits;
mod options;
mod privileges;
mod process;
mod rootfs;
mod runtime_spec;
mod seccomp;
mod worker;

pub use keeper::main;
pub use privileges::{Unprivileged, check_privileges};
