//! A detached copy of a mount, whose ids may be mapped: `open_tree(2)`, `mount_setattr(2)`, `move_mount(2)`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, fstat};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};

/// A file or directory of the host, ready to be mounted.
pub(super) struct Tree(OwnedFd);

impl Tree {
    /// Opens `path` such that the ids of files appear as those of the user namespace `map`, and back.
    pub(super) fn open(path: &Path, map: BorrowedFd<'_>, read_only: bool) -> io::Result<Self> {
        Self::clone_of(path, Some(map), read_only)
    }

    /// Opens `path` with the ids that its files have.
    pub(super) fn open_unmapped(path: &Path, read_only: bool) -> io::Result<Self> {
        Self::clone_of(path, None, read_only)
    }

    /// Takes an open file or directory of this mount namespace with the ids that its files have.
    pub(super) fn of_place(place: &OwnedFd, read_only: bool) -> io::Result<Self> {
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
        Self::with_attributes(open_tree(place, "", flags)?, None, read_only)
    }

    fn clone_of(path: &Path, map: Option<BorrowedFd<'_>>, read_only: bool) -> io::Result<Self> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        Self::with_attributes(open_tree(CWD, path, flags)?, map, read_only)
    }

    fn with_attributes(tree: OwnedFd, map: Option<BorrowedFd<'_>>, read_only: bool) -> io::Result<Self> {
        let mut attributes = Attributes {
            set: libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
            clear: 0,
            propagation: libc::MS_PRIVATE,
            user_namespace: 0,
        };
        if read_only {
            attributes.set |= libc::MOUNT_ATTR_RDONLY;
        }
        if let Some(map) = map {
            // A lower tree holds programs, and set-user-id bits that mean something inside.
            attributes.set = (attributes.set & !libc::MOUNT_ATTR_NOSUID) | libc::MOUNT_ATTR_IDMAP;
            attributes.user_namespace = u64::try_from(map.as_raw_fd()).unwrap_or(u64::MAX);
        }
        attributes.apply(&tree)?;
        Ok(Self(tree))
    }

    /// Answers whether it is a directory.
    pub(super) fn is_directory(&self) -> io::Result<bool> {
        Ok(FileType::from_raw_mode(fstat(&self.0)?.st_mode).is_dir())
    }

    /// Mounts it at a path.
    pub(super) fn mount_at(&self, place: &Path) -> io::Result<()> {
        Ok(move_mount(
            &self.0,
            "",
            CWD,
            place,
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
        )?)
    }

    /// Mounts it on an open file or directory.
    pub(super) fn mount_on(&self, place: &OwnedFd) -> io::Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        Ok(move_mount(&self.0, "", place, "", flags)?)
    }
}

/// `struct mount_attr` (`mount_setattr(2)`).
#[repr(C)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

impl Attributes {
    fn apply(&self, tree: impl AsFd) -> io::Result<()> {
        // SAFETY: the path is a constant string, and the kernel reads exactly one structure of the size given.
        let result = unsafe {
            libc::syscall(
                libc::SYS_mount_setattr,
                tree.as_fd().as_raw_fd(),
                c"".as_ptr(),
                libc::AT_EMPTY_PATH,
                std::ptr::from_ref(self),
                size_of::<Self>(),
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}
