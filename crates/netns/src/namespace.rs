//! A network namespace, held open by a descriptor, and the one way to act inside it.
//!
//! Only a thread can be moved into a namespace, never a whole process, and what was made there stays there:
//! a socket keeps the namespace in which `socket()` was called. [`Netns::run`] therefore moves the calling
//! thread in, runs something short, and moves it back. A thread that could not return would from then on work
//! in a sandbox's network without knowing; there is no safe way to go on, so the process ends.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process;
use std::sync::Arc;

use coracle_spec::{Class, Failure};
use fs_err as fs;
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::fstat;

/// The namespace of the calling thread, as `/proc` shows it.
const OWN: &str = "/proc/thread-self/ns/net";

/// A network namespace. It exists as long as a clone of this does, a process in it, or a socket made in it.
#[derive(Debug, Clone)]
pub struct Netns(Arc<OwnedFd>);

/// Why a namespace cannot be made, opened or entered.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// Its file under `/proc` cannot be opened.
    #[error("cannot open the network namespace of {whose}")]
    Open {
        /// The process, for people.
        whose: String,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel makes none.
    #[error("cannot create a network namespace")]
    Create(#[source] Errno),
    /// The kernel does not let this thread in.
    #[error("cannot enter the network namespace")]
    Enter(#[source] Errno),
}

impl Failure for NetnsError {
    fn class(&self) -> Class {
        match self {
            Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound => Class::NotFound,
            Self::Create(Errno::ENOSPC | Errno::EMFILE | Errno::ENFILE) => Class::Busy,
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Create(Errno::EPERM) | Self::Enter(Errno::EPERM) => {
                Some("network namespaces need root (CAP_SYS_ADMIN)".to_owned())
            }
            Self::Create(Errno::ENOSPC) => Some("raise the sysctl `user.max_net_namespaces`".to_owned()),
            _ => None,
        }
    }
}

impl Netns {
    /// Makes a new namespace that nothing is in: its only link is a loopback that is down.
    pub fn create() -> Result<Self, NetnsError> {
        let home = Self::current()?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(NetnsError::Create)?;
        let made = Self::current();
        home.enter_or_abort();
        made
    }

    /// Opens the namespace of the calling thread.
    pub fn current() -> Result<Self, NetnsError> {
        Self::open(OWN, "this thread")
    }

    /// Opens the namespace of the process `pid`.
    pub fn of_process(pid: u32) -> Result<Self, NetnsError> {
        Self::open(&format!("/proc/{pid}/ns/net"), &format!("process {pid}"))
    }

    fn open(path: &str, whose: &str) -> Result<Self, NetnsError> {
        fs::File::open(path)
            .map(|file| Self(Arc::new(file.into_file().into())))
            .map_err(|source| NetnsError::Open {
                whose: whose.to_owned(),
                source,
            })
    }

    /// Runs `action` with the calling thread inside, and answers what it answers.
    ///
    /// `action` is short and synchronous: it makes sockets or writes `/proc/sys/net`. Threads that it starts
    /// would stay inside. Ends the process if the thread cannot be moved back.
    pub fn run<T>(&self, action: impl FnOnce() -> T) -> Result<T, NetnsError> {
        let home = Self::current()?;
        self.run_from(&home, action)
    }

    /// Is [`run`](Self::run) for a thread that knows where its home is.
    pub(crate) fn run_from<T>(&self, home: &Self, action: impl FnOnce() -> T) -> Result<T, NetnsError> {
        setns(&self.0, CloneFlags::CLONE_NEWNET).map_err(NetnsError::Enter)?;
        let _return = ReturnTo(home);
        Ok(action())
    }

    /// Answers the number that tells this namespace from all others alive (`nsfs` inode, namespaces(7)).
    pub fn inode(&self) -> Result<u64, NetnsError> {
        fstat(&self.0).map(|stat| stat.st_ino).map_err(NetnsError::Enter)
    }

    fn enter_or_abort(&self) {
        if setns(&self.0, CloneFlags::CLONE_NEWNET).is_err() {
            process::abort();
        }
    }
}

/// Moves the thread home, also when the action panics.
struct ReturnTo<'a>(&'a Netns);

impl Drop for ReturnTo<'_> {
    fn drop(&mut self) {
        self.0.enter_or_abort();
    }
}

impl From<OwnedFd> for Netns {
    /// Takes a descriptor of a namespace that somebody else opened.
    fn from(fd: OwnedFd) -> Self {
        Self(Arc::new(fd))
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn what_runs_inside_is_inside_and_the_thread_is_home_after() {
        let home = Netns::current().unwrap().inode().unwrap();
        let made = Netns::create().expect("needs root");
        assert_eq!(Netns::current().unwrap().inode().unwrap(), home);
        let inside = made.run(|| Netns::current().unwrap().inode().unwrap()).unwrap();
        assert_eq!(inside, made.inode().unwrap());
        assert_ne!(inside, home);
        assert_eq!(Netns::current().unwrap().inode().unwrap(), home);
    }

    #[test]
    fn a_panic_inside_brings_the_thread_home_too() {
        let home = Netns::current().unwrap().inode().unwrap();
        let made = Netns::create().expect("needs root");
        let caught = catch_unwind(AssertUnwindSafe(|| made.run(|| panic!("inside"))));
        assert!(caught.is_err());
        assert_eq!(Netns::current().unwrap().inode().unwrap(), home);
    }

    #[test]
    fn a_port_bound_inside_is_free_outside() {
        let made = Netns::create().expect("needs root");
        let inside = made
            .run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))
            .unwrap()
            .unwrap();
        let port = inside.local_addr().unwrap().port();
        let other = Netns::create().unwrap();
        assert!(
            other
                .run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
                .unwrap()
                .is_ok()
        );
    }

    #[test]
    fn a_process_that_is_gone_is_not_found() {
        let error = Netns::of_process(u32::MAX).unwrap_err();
        assert_eq!(error.class(), Class::NotFound);
    }
}
