//! Clearing away after one sandbox, in a process of its own: removing control groups waits for the kernel.

use std::io;

use rustix::process::Pid;

use crate::cgroup::Group;
use crate::process::{close_all_except, fork};

/// Starts clearing away; the process exits with 0 when nothing is left.
pub(super) fn start(group: &Group) -> io::Result<Pid> {
    fork(|| {
        close_all_except(&[]);
        group.remove().map_or(1, |()| 0)
    })
}
