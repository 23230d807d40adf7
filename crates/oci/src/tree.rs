//! Writing into a directory tree without ever leaving it.
//!
//! Every directory is opened by the kernel's own rule ("beneath this root, through no symbolic link":
//! `openat2(2)`), and every name is then created in that directory, exclusively. What an archive says can therefore
//! be wrong but not dangerous. Checking path texts alone lost: a link that an earlier entry made is not in the text.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, XattrFlags};
use rustix::io::Errno;

use crate::entry::Metadata;
use crate::path::LayerPath;

const OPEN_DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const OPAQUE: &str = "trusted.overlay.opaque";

/// Fills one directory with the entries of one layer.
pub(crate) struct TreeWriter {
    root: OwnedFd,
    /// The directory that the last entry was in.
    recent: Option<(LayerPath, Arc<OwnedFd>)>,
    /// Directories get their time last, since each entry made in them changes it.
    times: Vec<(LayerPath, i64)>,
}

impl TreeWriter {
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        let root = rustix::fs::open(root, OPEN_DIRECTORY, Mode::empty())?;
        // Unless an entry says otherwise, the root is as old as can be: the same in every copy.
        Ok(Self {
            root,
            recent: None,
            times: vec![(LayerPath::default(), 0)],
        })
    }

    /// Makes a directory, or gives the one that is there these attributes.
    pub(crate) fn directory(&mut self, path: &LayerPath, metadata: &Metadata) -> io::Result<()> {
        if !path.is_root() {
            self.make_directory(path)?;
        }
        let directory = self.open(path)?;
        apply(directory.as_fd(), metadata)?;
        self.recent = Some((path.clone(), Arc::new(directory)));
        self.times.push((path.clone(), metadata.mtime));
        Ok(())
    }

    /// Makes an empty file, to be written and then given to [`finish_file`].
    pub(crate) fn file(&mut self, path: &LayerPath) -> io::Result<fs::File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = self.create(path, |parent, name| {
            rustix::fs::openat(parent, name, flags, Mode::RUSR | Mode::WUSR)
        })?;
        Ok(fs::File::from_parts(file.into(), path.as_path()))
    }

    pub(crate) fn symlink(&mut self, path: &LayerPath, target: &[u8], metadata: &Metadata) -> io::Result<()> {
        self.create(path, |parent, name| rustix::fs::symlinkat(target, parent, name))?;
        self.own_link(path, metadata)
    }

    pub(crate) fn hard_link(&mut self, path: &LayerPath, target: &LayerPath) -> io::Result<()> {
        let target_name = target.name().ok_or(Errno::ISDIR)?;
        let target_parent = self.open(&target.parent().unwrap_or_default())?;
        self.create(path, |parent, name| {
            rustix::fs::linkat(&target_parent, target_name, parent, name, AtFlags::empty())
        })
    }

    /// Moves a file from elsewhere on this file system into the tree; the caller sets its attributes. A further name that
    /// the file has elsewhere stays.
    pub(crate) fn adopt(&mut self, path: &LayerPath, from: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
        self.create(path, |parent, new| {
            rustix::fs::renameat_with(from, name, parent, new, RenameFlags::NOREPLACE)
        })
    }

    pub(crate) fn pipe(&mut self, path: &LayerPath, metadata: &Metadata) -> io::Result<()> {
        let mode = Mode::from_raw_mode(0o600);
        self.create(path, |parent, name| {
            rustix::fs::mknodat(parent, name, FileType::Fifo, mode, 0)
        })?;
        self.own_link(path, metadata)?;
        let (parent, name) = self.place(path)?;
        let mode = Mode::from_raw_mode(metadata.mode & 0o7777);
        Ok(rustix::fs::chmodat(&parent, name, mode, AtFlags::empty())?)
    }

    /// Hides what lower layers have at `path`, in the form that overlayfs reads. What this layer itself has there
    /// stays, without what is below it.
    pub(crate) fn whiteout(&mut self, path: &LayerPath) -> io::Result<()> {
        let (parent, name) = self.place(path)?;
        match rustix::fs::mknodat(&parent, name, FileType::CharacterDevice, Mode::empty(), 0) {
            Err(Errno::EXIST) if is_directory(&parent, name)? => self.opaque(path),
            Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => self.own_link(path, &Metadata::default()),
        }
    }

    /// Hides what lower layers have in the directory `path`.
    pub(crate) fn opaque(&mut self, path: &LayerPath) -> io::Result<()> {
        let directory = self.open_or_make(path)?;
        Ok(rustix::fs::fsetxattr(
            directory,
            OPAQUE,
            b"y",
            XattrFlags::empty(),
        )?)
    }

    /// Sets the directories' times.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        for (path, mtime) in std::mem::take(&mut self.times) {
            let directory = self.open(&path)?;
            rustix::fs::futimens(directory, &Metadata::times_of(mtime))?;
        }
        Ok(())
    }

    fn make_directory(&mut self, path: &LayerPath) -> io::Result<()> {
        let (parent, name) = self.place(path)?;
        let mode = Mode::from_raw_mode(0o700);
        match rustix::fs::mkdirat(&parent, name, mode) {
            Err(Errno::EXIST) if is_directory(&parent, name)? => Ok(()),
            Err(Errno::EXIST) => {
                let was_whiteout = is_whiteout(&parent, name)?;
                rustix::fs::unlinkat(&parent, name, AtFlags::empty())?;
                rustix::fs::mkdirat(&parent, name, mode)?;
                if was_whiteout { self.opaque(path) } else { Ok(()) }
            }
            result => Ok(result?),
        }
    }

    /// Makes something that is no directory; what is there already, and is no directory either, goes.
    fn create<T>(
        &mut self,
        path: &LayerPath,
        make: impl Fn(&OwnedFd, &OsStr) -> Result<T, Errno>,
    ) -> io::Result<T> {
        let (parent, name) = self.place(path)?;
        match make(&parent, name) {
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&parent, name, AtFlags::empty())?;
                Ok(make(&parent, name)?)
            }
            result => Ok(result?),
        }
    }

    /// Sets the owner and the time of what cannot be opened.
    fn own_link(&mut self, path: &LayerPath, metadata: &Metadata) -> io::Result<()> {
        let (parent, name) = self.place(path)?;
        let (uid, gid) = metadata.owner();
        rustix::fs::chownat(&parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(rustix::fs::utimensat(
            &parent,
            name,
            &metadata.times(),
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Answers the directory that `path` is in, made if it is missing, and the name in it.
    fn place<'a>(&mut self, path: &'a LayerPath) -> io::Result<(Arc<OwnedFd>, &'a OsStr)> {
        let name = path.name().ok_or(Errno::ISDIR)?;
        let parent = path.parent().unwrap_or_default();
        if let Some((recent, directory)) = &self.recent
            && *recent == parent
        {
            return Ok((Arc::clone(directory), name));
        }
        let directory = Arc::new(self.open_or_make(&parent)?);
        self.recent = Some((parent, Arc::clone(&directory)));
        Ok((directory, name))
    }

    /// Opens a directory; what is missing of it is made, and what was hidden of it shows.
    fn open_or_make(&mut self, path: &LayerPath) -> io::Result<OwnedFd> {
        match self.open(path) {
            Err(error) if is_absent(&error) => {}
            result => return result,
        }
        let mut here = LayerPath::default();
        for name in path.as_path() {
            here = here.join(name).map_err(io::Error::other)?;
            match self.open(&here) {
                Ok(_) => {}
                Err(error) if is_absent(&error) && self.is_free(&here)? => {
                    self.directory(&here, &Metadata::directory())?;
                }
                Err(error) => return Err(error),
            }
        }
        self.open(path)
    }

    /// Answers whether nothing is at `path`, in a directory that is there, or only a whiteout.
    fn is_free(&self, path: &LayerPath) -> io::Result<bool> {
        let parent = self.open(&path.parent().unwrap_or_default())?;
        match is_whiteout(&parent, path.name().unwrap_or_default()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            result => result,
        }
    }

    fn open(&self, path: &LayerPath) -> io::Result<OwnedFd> {
        open_beneath(&self.root, path)
    }
}

/// Opens the directory `path` beneath `root`, through no link and not out of it.
pub(crate) fn open_beneath(root: &OwnedFd, path: &LayerPath) -> io::Result<OwnedFd> {
    if path.is_root() {
        return root.try_clone();
    }
    let rule = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    Ok(rustix::fs::openat2(
        root,
        path.as_path(),
        OPEN_DIRECTORY,
        Mode::empty(),
        rule,
    )?)
}

/// Gives a written file its attributes.
pub(crate) fn finish_file(file: &fs::File, metadata: &Metadata) -> io::Result<()> {
    apply(file.as_fd(), metadata)?;
    Ok(rustix::fs::futimens(file, &metadata.times())?)
}

/// Sets owner, then mode, then extended attributes: each of them resets part of the next.
fn apply(file: BorrowedFd<'_>, metadata: &Metadata) -> io::Result<()> {
    let (uid, gid) = metadata.owner();
    rustix::fs::fchown(file, Some(uid), Some(gid))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(metadata.mode & 0o7777))?;
    for (name, value) in metadata.xattrs.iter().filter(|(name, _)| is_portable(name)) {
        match rustix::fs::fsetxattr(file, name.as_str(), value, XattrFlags::empty()) {
            // Remarks of a program to itself; not every file system has room for them.
            Err(Errno::OPNOTSUPP) if name.starts_with("user.") => {}
            result => result?,
        }
    }
    Ok(())
}

/// Answers whether an extended attribute means the same on another machine. Those of overlayfs would make a layer
/// reach into another; those of access control lists and security modules name ids of the machine.
pub(crate) fn is_portable(xattr: &str) -> bool {
    xattr == "security.capability" || (xattr.starts_with("user.") && !xattr.starts_with("user.overlay."))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn is_directory(parent: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

fn is_whiteout(parent: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0)
}
