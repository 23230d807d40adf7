//! Trees of files that are looked into without ever leaving them: a build's context, and root file systems.
//!
//! Both are looked at in the same way by what chooses files and by what copies them, so that what a key is made of is
//! what is copied. Paths are relative to the top, which is the empty path.

mod resolve;
mod root;
mod walk;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use resolve::{matching, resolve};
pub(crate) use root::Root;
pub(crate) use walk::{Rules, Visit, walk};

/// A tree of files.
pub(crate) trait Files {
    /// Looks at `path`, whose folders are no links; a link is not followed. Nothing when nothing is there.
    fn node(&self, path: &Path) -> io::Result<Option<Node>>;

    /// Answers the names in the folder `path`, sorted.
    fn names(&self, path: &Path) -> io::Result<Vec<OsString>>;

    /// Answers where the link at `path` leads.
    fn link(&self, path: &Path) -> io::Result<PathBuf>;
}

/// Something in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Seconds since 1970.
    pub(crate) mtime: i64,
    /// What all names of one file have in common; nothing for a file with one name.
    pub(crate) inode: Option<(u64, u64)>,
}

/// What something in a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeKind {
    Folder,
    File,
    Link,
    Pipe,
    /// A socket or a device.
    Other,
}

impl Node {
    pub(crate) fn is_folder(&self) -> bool {
        self.kind == NodeKind::Folder
    }
}
