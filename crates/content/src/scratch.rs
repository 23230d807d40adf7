//! Scratch space on the store's own file system, from which things are renamed into place.
//!
//! Whatever is under `scratch/` is locked by its owner. An entry that can be locked has lost its owner and is
//! removed by whoever opens the store next.

use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fs_err as fs;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::error::{Context, StoreError};
use crate::remove::remove_tree;
use crate::store::Store;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A directory of one's own on the store's file system, removed when the value is dropped or its process dies.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lock: fs::File,
}

impl Scratch {
    /// Answers where the directory is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next process that opens the store.
        let _ = remove_tree(&self.path);
    }
}

/// A directory that was taken from its place in the store. Dropped, it is removed, without anybody in the way.
#[derive(Debug)]
pub(crate) struct Doomed {
    path: PathBuf,
    _lock: fs::File,
}

impl Doomed {
    /// Takes the directory at `path` into the scratch space, locked there, so that nobody sweeps it meanwhile. This
    /// makes no file, so that it works on a full disk.
    pub(crate) fn take(store: &Store, path: &Path) -> io::Result<Self> {
        let lock = fs::File::open(path)?;
        lock.file().try_lock()?;
        loop {
            let place = store.folder("scratch").join(fresh_name());
            match renameat_with(CWD, path, CWD, &place, RenameFlags::NOREPLACE) {
                Ok(()) => {
                    return Ok(Self {
                        path: place,
                        _lock: lock,
                    });
                }
                // Another pid namespace on the same store.
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove what nothing uses");
        }
    }
}

fn fresh_name() -> String {
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Store {
    /// Makes an empty scratch directory.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        let (path, lock) = create_held(&self.folder("scratch"), |path| {
            fs::create_dir(path)?;
            fs::File::open(path)
        })?;
        Ok(Scratch { path, _lock: lock })
    }

    /// Makes an empty scratch file, open for writing and locked.
    pub(crate) fn scratch_file(&self) -> Result<(PathBuf, fs::File), StoreError> {
        create_held(&self.folder("scratch"), new_file)
    }
}

/// Makes an empty file that is not there yet.
pub(crate) fn new_file(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .read(true)
        .append(true)
        .create_new(true)
        .open(path)
}

/// Makes an entry under a fresh name in `folder` and locks it; tries again when a sweep came between the two.
pub(crate) fn create_held(
    folder: &Path,
    make: impl Fn(&Path) -> io::Result<fs::File>,
) -> Result<(PathBuf, fs::File), StoreError> {
    loop {
        let path = folder.join(fresh_name());
        match make(&path) {
            Ok(file) if holds(&file, &path) => return Ok((path, file)),
            Ok(_) => {}
            // Another pid namespace on the same store, or a sweep that was quicker than the open.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder.exists() => {}
            Err(error) => return Err(error).context("make", &path),
        }
    }
}

/// Locks `file` and answers whether it is still what `path` names.
fn holds(file: &fs::File, path: &Path) -> bool {
    file.file().try_lock().is_ok() && same(file, path)
}

pub(crate) fn same(file: &fs::File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(named)) => held.ino() == named.ino() && held.dev() == named.dev(),
        _ => false,
    }
}

/// Removes what dead processes left: scratch space, leases and lock files.
///
/// What cannot be removed, such as a directory with a mount in it, is left for the next time: it takes space, and
/// nothing else.
pub(crate) fn sweep(store: &Store) -> Result<(), StoreError> {
    ["scratch", "leases", "locks"]
        .into_iter()
        .try_for_each(|folder| sweep_folder(&store.folder(folder)))
}

fn sweep_folder(folder: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).context("list", folder)? {
        let path = entry.context("list", folder)?.path();
        if let Err(error) = sweep_entry(&path) {
            tracing::warn!(path = %path.display(), %error, "cannot remove what a dead process left");
        }
    }
    Ok(())
}

/// An entry is removed while its lock is held: its owner, if there were one, would hold that lock when renaming
/// it away.
fn sweep_entry(path: &Path) -> io::Result<()> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result?,
    };
    match file.file().try_lock() {
        Ok(()) if same(&file, path) => remove_tree(path),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
