//! Removal of a directory with everything in it, and of nothing else.
//!
//! `std::fs::remove_dir_all` lost: it walks into a mount that a killed sandbox left beneath the directory, and
//! would empty what is mounted there. This one asks the kernel to refuse every mount point and every symbolic
//! link, and copes with any depth.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};

/// How many directories are open at once; what is deeper is moved up first.
const DEPTH: usize = 64;

/// Removes `path`, a file or a directory with everything beneath it. That it is gone already is no error.
///
/// Stops with an error at a mount point, without having looked inside.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => remove_directory(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove_directory(path: &Path) -> io::Result<()> {
    let top = rustix::fs::open(
        path,
        OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut removal = Removal { top, moved: 0 };
    while removal.empty_top()? {}
    fs::remove_dir(path)
}

struct Removal {
    top: OwnedFd,
    moved: u64,
}

impl Removal {
    /// Empties the top directory; answers whether deep directories were moved into it meanwhile.
    fn empty_top(&mut self) -> io::Result<bool> {
        let before = self.moved;
        let top = self.top.try_clone()?;
        self.empty(top.as_fd(), 0)?;
        Ok(self.moved != before)
    }

    fn empty(&mut self, directory: BorrowedFd<'_>, depth: usize) -> io::Result<()> {
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            if is_directory(directory, name, entry.file_type())? {
                self.remove_below(directory, name, depth)?;
            } else {
                rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
            }
        }
        Ok(())
    }

    fn remove_below(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &std::ffi::CStr,
        depth: usize,
    ) -> io::Result<()> {
        if depth >= DEPTH {
            return self.move_up(directory, name);
        }
        let below = rustix::fs::openat2(
            directory,
            name,
            OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS,
        )?;
        self.empty(below.as_fd(), depth + 1)?;
        Ok(rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR)?)
    }

    fn move_up(&mut self, directory: BorrowedFd<'_>, name: &std::ffi::CStr) -> io::Result<()> {
        loop {
            self.moved += 1;
            let up = PathBuf::from(format!(".deep-{}", self.moved));
            match rustix::fs::renameat_with(
                directory,
                name,
                &self.top,
                &up,
                rustix::fs::RenameFlags::NOREPLACE,
            ) {
                Err(rustix::io::Errno::EXIST) => {}
                result => return Ok(result?),
            }
        }
    }
}

fn is_directory(parent: BorrowedFd<'_>, name: &std::ffi::CStr, hint: FileType) -> io::Result<bool> {
    if hint != FileType::Unknown {
        return Ok(hint == FileType::Directory);
    }
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}
