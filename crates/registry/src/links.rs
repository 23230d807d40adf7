//! The small files that say what a repository has: there whole or not at all, durable when they are answered for.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;

use crate::error::{Context as _, RegistryError};
use crate::layout::Layout;

impl Layout {
    /// Writes `text` to `path` in one piece, over what was there, and makes it durable.
    pub(crate) fn put(&self, path: &Path, text: &[u8]) -> Result<(), RegistryError> {
        let unfinished = self.unfinished(text)?;
        let placed = self.place(&unfinished, path);
        if placed.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        placed
    }

    fn unfinished(&self, text: &[u8]) -> Result<PathBuf, RegistryError> {
        let path = self.scratch().join(format!("{:032x}", rand::random::<u128>()));
        let written = fs::File::create_new(&path).and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        });
        if written.is_err() {
            let _ = fs::remove_file(&path);
        }
        written.context("write", &path)?;
        Ok(path)
    }

    fn place(&self, from: &Path, to: &Path) -> Result<(), RegistryError> {
        let folder = to.parent().unwrap_or(to);
        loop {
            match fs::rename(from, to) {
                // Whoever tidies up may remove an empty folder at any moment.
                Err(error) if error.kind() == io::ErrorKind::NotFound && from.exists() => {
                    self.make(folder)?;
                }
                result => {
                    result.context("write", to)?;
                    return sync(folder);
                }
            }
        }
    }

    /// Makes a folder beneath the registry's, durably.
    fn make(&self, folder: &Path) -> Result<(), RegistryError> {
        fs::create_dir_all(folder).context("make", folder)?;
        for made in folder.ancestors().skip(1).take_while(|path| *path != self.root()) {
            match sync(made) {
                Err(RegistryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => break,
                result => result?,
            }
        }
        Ok(())
    }
}

/// Reads a small file; `None` when it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<String>, RegistryError> {
    absent(fs::read_to_string(path)).context("read", path)
}

/// Answers since when a file is there, or `None`.
pub(crate) fn since(path: &Path) -> Result<Option<SystemTime>, RegistryError> {
    let time = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    absent(time).context("look at", path)
}

/// Answers how long ago `time` was; a time to come is now.
pub(crate) fn age(time: SystemTime) -> Duration {
    time.elapsed().unwrap_or_default()
}

/// Removes a file, durably; answers whether it was there.
pub(crate) fn remove(path: &Path) -> Result<bool, RegistryError> {
    let was_there = absent(fs::remove_file(path)).context("remove", path)?.is_some();
    if was_there {
        sync(path.parent().unwrap_or(path))?;
    }
    Ok(was_there)
}

/// Answers the names of the files in a folder; none when it is not there.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, RegistryError> {
    let Some(entries) = absent(fs::read_dir(folder)).context("list", folder)? else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.context("list", folder)?.file_name();
        names.extend(name.into_string());
    }
    Ok(names)
}

fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

fn sync(folder: &Path) -> Result<(), RegistryError> {
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .context("write", folder)
}
