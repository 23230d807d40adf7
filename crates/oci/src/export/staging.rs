//! A directory in the making beside its place, so that it is there whole or not at all.
//!
//! Unlike a file, a directory cannot be made without a name. Its maker keeps it locked; one that can be locked has lost
//! its maker, and goes when the next one is made for the same place.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::whole::PARTIAL;

/// An empty directory that will be at its place. Dropped before that, it is removed with what is in it.
pub(super) struct Staging {
    path: PathBuf,
    is_settled: bool,
    _lock: fs::File,
}

impl Staging {
    /// Makes one beside `place`, which has a name, and removes those of the dead.
    pub(super) fn beside(place: &Path) -> io::Result<Self> {
        let folder = place.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let name = place.file_name().unwrap_or_default();
        sweep(folder, name);
        let mut number = 0_u64;
        loop {
            let path = folder.join(partial(name, number));
            if let Some(lock) = make(&path)? {
                return Ok(Self {
                    path,
                    is_settled: false,
                    _lock: lock,
                });
            }
            number += 1;
        }
    }

    /// Answers where it is now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to its place; answers `false` if there is something by now.
    pub(super) fn settle(mut self, place: &Path) -> io::Result<bool> {
        match fs::rename(&self.path, place) {
            Ok(()) => {
                self.is_settled = true;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // By the name of one that has settled there may be another's by now.
        if !self.is_settled {
            // What cannot be removed is swept by the next one.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn partial(name: &OsStr, number: u64) -> std::ffi::OsString {
    let mut partial = name.to_owned();
    partial.push(format!(".{}-{number}{PARTIAL}", std::process::id()));
    partial
}

/// Makes the directory and locks it; nothing when the name is taken, or a sweep came between the two.
fn make(path: &Path) -> io::Result<Option<fs::File>> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        result => result?,
    }
    let lock = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    Ok((is_held(&lock) && is_at(&lock, path)).then_some(lock))
}

/// Locks it; a file system without locks has nobody who sweeps.
fn is_held(file: &fs::File) -> bool {
    !matches!(file.file().try_lock(), Err(std::fs::TryLockError::WouldBlock))
}

fn is_at(file: &fs::File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Removes what the dead left in `folder` of a place called `name`. What cannot be looked at or removed stays.
fn sweep(folder: &Path, name: &OsStr) {
    let entries = fs::read_dir(folder).into_iter().flatten();
    for entry in entries.map_while(Result::ok) {
        if is_partial(&entry.file_name(), name) {
            let _ = sweep_one(&entry.path());
        }
    }
}

fn sweep_one(path: &Path) -> io::Result<()> {
    let file = fs::File::open(path)?;
    file.file().try_lock()?;
    if file.metadata()?.is_dir() && is_at(&file, path) {
        fs::remove_dir_all(path)?;
    }
    Ok(())
}

/// Answers whether it is called as [`partial`] would call it, for any process.
fn is_partial(found: &OsStr, name: &OsStr) -> bool {
    let (found, name) = (found.as_encoded_bytes(), name.as_encoded_bytes());
    let middle = found.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"."));
    let middle = middle.and_then(|rest| rest.strip_suffix(PARTIAL.as_bytes()));
    middle.is_some_and(|middle| {
        let mut numbers = middle.split(|byte| *byte == b'-');
        let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        numbers.clone().count() == 2 && numbers.all(is_number)
    })
}
