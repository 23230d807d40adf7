//! What must be there before there can be sandboxes, each with what to do when it is not.

use std::io;
use std::os::fd::OwnedFd;

use coracle_netns::{Egress, EgressConfig};
use coracle_sandbox::Refusal;
use coracle_spec::{Class, Failure};
use fs_err as fs;
use nix::sys::signalfd::SignalFd;

use super::signals;
use super::watchdog::{self, Alive};
use crate::cgroup::{self, Groups, Hierarchies, NoHierarchy, Owner};
use crate::id_map::IdBase;
use crate::limits;
use crate::options::Options;
use crate::worker::Workshop;

/// Why there can be no sandboxes here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unable {
    /// Not root.
    #[error("sandboxes need root")]
    NotRoot,
    /// No control groups.
    #[error("sandboxes need control groups")]
    Groups(#[from] NoHierarchy),
    /// No user namespaces.
    #[error("sandboxes need user namespaces")]
    UserNamespaces(#[source] io::Error),
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
            Self::NotRoot => Class::User,
            Self::Sweep(_) | Self::System(_) => Class::Internal,
            _ => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotRoot => Some("run this as root, for example with `sudo`: control groups, mounts and user ids need it".to_owned()),
            Self::Groups(error) => error.hint(),
            Self::UserNamespaces(_) => Some(
                "raise `sysctl user.max_user_namespaces`; in a container, allow it to make namespaces (`--privileged`)".to_owned(),
            ),
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
    if !rustix::process::geteuid().is_root() {
        return Err(Unable::NotRoot);
    }
    let hierarchies = Hierarchies::detect()?;
    has_overlay()?;
    become_keeper()?;
    let disk_ids = IdBase::DISK.user_namespace().map_err(Unable::UserNamespaces)?;
    cgroup::sweep(&hierarchies).map_err(Unable::Sweep)?;
    let groups = Groups::new(hierarchies, Owner::current()?);
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
