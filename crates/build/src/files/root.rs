//! A tree that is a directory of this machine, held by a descriptor: read and written beneath it only.
//!
//! The kernel resolves each path beneath the directory and through no link (`openat2(2)`); links are followed by
//! [`super::resolve()`], step by step, with the directory as the only world there is.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::{Files, Node, NodeKind};

const RULE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_SYMLINKS);

/// A directory that is the top of a tree.
pub(crate) struct Root {
    top: OwnedFd,
    /// The folder that was used last.
    recent: RefCell<Option<(PathBuf, Arc<OwnedFd>)>>,
}

impl Root {
    /// Opens the directory `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self::of(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Makes one of an open directory.
    pub(crate) fn of(top: OwnedFd) -> Self {
        Self {
            top,
            recent: RefCell::default(),
        }
    }

    /// Opens what is at `path`.
    pub(crate) fn open_at(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        Ok(openat2(
            &self.top,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            RULE,
        )?)
    }

    /// Opens a file for reading, without waiting for the other end of a pipe.
    pub(crate) fn read(&self, path: &Path) -> io::Result<fs::File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        Ok(fs::File::from_parts(self.open_at(path, flags)?.into(), path))
    }

    /// Answers the folder that `path` is in, open, and the name in it.
    pub(crate) fn place<'p>(&self, path: &'p Path) -> io::Result<(Arc<OwnedFd>, &'p OsStr)> {
        let name = path.file_name().ok_or(Errno::ISDIR)?;
        let parent = path.parent().unwrap_or(Path::new(""));
        if let Some((recent, folder)) = &*self.recent.borrow()
            && recent == parent
        {
            return Ok((Arc::clone(folder), name));
        }
        let folder = Arc::new(self.open_at(parent, OFlags::PATH | OFlags::DIRECTORY)?);
        *self.recent.borrow_mut() = Some((parent.to_owned(), Arc::clone(&folder)));
        Ok((folder, name))
    }

    /// Forgets the folder that was used last, since it may be gone.
    pub(crate) fn forget_recent(&self) {
        self.recent.borrow_mut().take();
    }
}

impl Files for Root {
    fn node(&self, path: &Path) -> io::Result<Option<Node>> {
        let stat = if path.as_os_str().is_empty() {
            rustix::fs::fstat(&self.top).map_err(io::Error::from)
        } else {
            self.place(path)
                .and_then(|(folder, name)| Ok(rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?))
        };
        match stat {
            Ok(stat) => Ok(Some(node(&stat))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn names(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let folder = self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(folder.as_fd())? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn link(&self, path: &Path) -> io::Result<PathBuf> {
        let (folder, name) = self.place(path)?;
        let target = rustix::fs::readlinkat(&folder, name, Vec::new())?;
        Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
    }
}

/// A link in the middle of a path is as good as nothing: whoever asks has followed the links there are.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
    )
}

pub(crate) fn node(stat: &rustix::fs::Stat) -> Node {
    Node {
        kind: match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => NodeKind::Folder,
            FileType::RegularFile => NodeKind::File,
            FileType::Symlink => NodeKind::Link,
            FileType::Fifo => NodeKind::Pipe,
            _ => NodeKind::Other,
        },
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mtime: stat.st_mtime,
        inode: (stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino)),
    }
}
