//! What must be there before there can be sandboxes, each with what to do when it is not.

use std::io;
use std::os::fd::OwnedFd;

use coracle_netns::{Egress, EgressConfig};
use coracle_sandbox::Refusal;
use coracle_spec::{Class, Failure};
use fs_err as fs;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signalfd::SignalFd;
use rustix::process::WaitOptions;

use super::signals;
use super::watchdog::{self, Alive};
use crate::cgroup::{self, Groups, Hierarchies, NoHierarchy, Owner};
use crate::id_map::IdBase;
use crate::limits;
use crate::options::Options;
use crate::privileges::{Unprivileged, check_privileges};
use crate::process;
use crate::worker::Workshop;

/// Why there can be no sandboxes here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unable {
    /// Not root, or less than that.
    #[error(transparent)]
    Unprivileged(#[from] Unprivileged),
    /// No control groups.
    #[error("sandboxes need control groups")]
    Groups(#[from] NoHierarchy),
    /// No user namespaces.
    #[error("sandboxes need user namespaces")]
    UserNamespaces(#[source] io::Error),
    /// No mounts.
    #[error("sandboxes need mount namespaces")]
    Mounts(#[source] io::Error),
    /// Control groups, but not to be written to.
    #[error("sandboxes need control groups that can be written to")]
    ReadOnlyGroups(#[source] io::Error),
    /// No overlays.
    #[error("sandboxes need the overlay file system, which this kernel does not have")]
    Overlay,
    /// Leftovers cannot be removed.
    #[error("cannot clear away what an earlier keeper left behind")]
    Sweep(#[source] io::Error),
    /// Something else.
    #[error("cannot set up the keeper")]
    System(#[from] io::Error),
}

impl Failure for Unable {
    fn class(&self) -> Class {
        match self {
            Self::Unprivileged(error) => error.class(),
            Self::Sweep(_) | Self::System(_) => Class::Internal,
            _ => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unprivileged(error) => error.hint(),
            Self::Groups(error) => error.hint(),
            Self::UserNamespaces(_) => Some(
                "raise `sysctl user.max_user_namespaces`; in a container, allow it to make namespaces (`--privileged`)".to_owned(),
            ),
            Self::Mounts(_) => Some("`CAP_SYS_ADMIN` is needed; in a container, that is `--privileged`".to_owned()),
            Self::ReadOnlyGroups(_) => {
                Some("in a container, mount `/sys/fs/cgroup` for reading and writing (`--privileged`)".to_owned())
            }
            Self::Overlay => Some("load it with `modprobe overlay`".to_owned()),
            Self::Sweep(_) | Self::System(_) => None,
        }
    }
}

/// What the keeper stands on.
pub(crate) struct Prepared {
    pub(crate) workshop: Workshop,
    pub(crate) signals: SignalFd,
    pub(crate) alive: Alive,
    pub(crate) listener: OwnedFd,
}

/// Checks, clears away what dead keepers left, and starts the watchdog.
pub(crate) fn prepare(options: &Options) -> Result<Prepared, Unable> {
    check_privileges()?;
    let hierarchies = Hierarchies::detect()?;
    has_overlay()?;
    become_keeper()?;
    let disk_ids = IdBase::DISK.user_namespace().map_err(Unable::UserNamespaces)?;
    has_mount_namespaces().map_err(Unable::Mounts)?;
    cgroup::sweep(&hierarchies).map_err(Unable::Sweep)?;
    let groups = Groups::new(hierarchies, Owner::current()?);
    groups.prepare().map_err(Unable::ReadOnlyGroups)?;
    let listener = super::client::listen(options)?;
    let alive = watchdog::start(&groups, options)?;
    let signals = signals::open()?;
    // Sandboxes without a network can do without it.
    let egress = Egress::open(&EgressConfig::default()).map_err(|error| Refusal::of(&error));
    if let Ok(egress) = &egress {
        alive.tell_link(egress.link())?;
    }
    Ok(Prepared {
        workshop: Workshop {
            groups,
            disk_ids,
            egress,
        },
        signals,
        alive,
        listener: listener.into(),
    })
}

/// A process group and session of its own, so that a Ctrl-C meant for the server does not reach it; orphans become its
/// children; nothing of the caller's surroundings is left.
fn become_keeper() -> io::Result<()> {
    // Fails for the leader of a group, which already has what it needs.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    rustix::thread::set_name(c"coracle-keeper")?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::thread::set_thread_groups(&[])?;
    std::env::set_current_dir("/")?;
    limits::raise_own()
}

/// Found out by making one, in a child.
fn has_mount_namespaces() -> io::Result<()> {
    let child = process::fork(|| unshare(CloneFlags::CLONE_NEWNS).map_or_else(|errno| errno as i32, |()| 0))?;
    let status = rustix::process::waitpid(Some(child), WaitOptions::empty())?;
    match status.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(io::ErrorKind::Interrupted.into()),
    }
}

/// A kernel that has it as a module lists it only once it is loaded, which mounting does by itself where modules may be
/// loaded.
fn has_overlay() -> Result<(), Unable> {
    let known = fs::read_to_string("/proc/filesystems")?
        .lines()
        .any(|line| line.trim_start_matches("nodev").trim() == "overlay");
    let loadable = std::path::Path::new("/proc/modules").exists();
    if known || loadable {
        Ok(())
    } else {
        Err(Unable::Overlay)
    }
}
