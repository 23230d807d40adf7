//! What BuildKit gets to see of a folder: the files that it asks for, in the form that it asks for them.
//!
//! BuildKit does the asking: it reads `.dockerignore` first, and then names patterns to leave out, patterns to send, and
//! paths whose links are to be followed. So what is sent is what any other client sends.

mod follow;
mod selection;
mod stat;
mod walk;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use coracle_plan::patterns::InvalidPattern;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

pub(crate) use selection::{Selection, Wanted};
pub(crate) use walk::walk;

/// The most files, folders and links that are sent of one folder.
pub(crate) const MOST_ENTRIES: usize = 1_000_000;

/// Why a folder cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// A part of it cannot be read.
    #[error("cannot read the build context")]
    Read(#[from] io::Error),
    /// A name is no text.
    #[error("the name of `{}` is not UTF-8", .0.display())]
    Name(PathBuf),
    /// It holds more than is sent.
    #[error("the build context holds more than {MOST_ENTRIES} files")]
    TooMany,
    /// BuildKit asked by a pattern that is none.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// BuildKit no longer listens.
    #[error("BuildKit does not take the build context")]
    Closed,
}

/// Opens a file beneath `folder` to read it. Links are not followed: what was listed as a file is one or is an error.
pub(crate) fn open(folder: &Path, path: &str) -> io::Result<std::fs::File> {
    let top = fs_err::File::open(folder)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let opened: OwnedFd = openat2(&top, path, flags, Mode::empty(), resolve)?;
    Ok(opened.into())
}
