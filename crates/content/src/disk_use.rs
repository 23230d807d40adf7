//! What files take on the disk.

use std::collections::HashSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use fs_err as fs;

/// The unit that `st_blocks` counts in (`stat(2)`), whatever the file system's own is.
const BLOCK: u64 = 512;

/// Adds up what files take on the disk; a file with several names counts once.
#[derive(Debug, Default)]
pub(crate) struct DiskUse {
    bytes: u64,
    linked: HashSet<(u64, u64)>,
}

impl DiskUse {
    /// Adds a file or directory.
    pub(crate) fn add(&mut self, metadata: &Metadata) {
        let shared = !metadata.is_dir() && metadata.nlink() > 1;
        if !shared || self.linked.insert((metadata.dev(), metadata.ino())) {
            self.bytes += taken(metadata);
        }
    }

    /// Answers the bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Answers the bytes that one file takes on the disk.
pub(crate) fn taken(metadata: &Metadata) -> u64 {
    metadata.blocks() * BLOCK
}

/// Answers the bytes that `path`, a file or a directory with everything beneath it, takes on the disk, and stops
/// counting soon after there are more than `enough`.
///
/// What vanishes meanwhile does not count. Symbolic links and mount points are not followed.
pub fn disk_use(path: &Path, enough: u64) -> io::Result<u64> {
    let top = fs::symlink_metadata(path)?;
    let mut counted = DiskUse::default();
    counted.add(&top);
    let mut pending = Vec::new();
    if top.is_dir() {
        pending.push(path.to_owned());
    }
    while let Some(folder) = pending.pop() {
        let Some(entries) = present(fs::read_dir(&folder))? else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            let Some(metadata) = present(entry.metadata())? else {
                continue;
            };
            counted.add(&metadata);
            if metadata.is_dir() && metadata.dev() == top.dev() {
                pending.push(entry.path());
            }
            if counted.bytes() > enough {
                return Ok(counted.bytes());
            }
        }
    }
    Ok(counted.bytes())
}

fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_two_names_counts_once_and_counting_stops_when_it_is_enough() {
        let root = tempfile::tempdir().unwrap();
        let empty = disk_use(root.path(), u64::MAX).unwrap();
        fs::create_dir(root.path().join("deep")).unwrap();
        fs::write(root.path().join("deep/one"), vec![1; 1 << 20]).unwrap();
        fs::hard_link(root.path().join("deep/one"), root.path().join("other")).unwrap();
        let both = disk_use(root.path(), u64::MAX).unwrap();
        assert!((1 << 20..3 << 19).contains(&(both - empty)), "{empty} {both}");
        for number in 0..64 {
            fs::write(root.path().join(format!("deep/{number}")), vec![1; 1 << 16]).unwrap();
        }
        let all = disk_use(root.path(), u64::MAX).unwrap();
        assert!(disk_use(root.path(), both).unwrap() < all);
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(disk_use(Path::new("/nonexistent/x"), 0).is_err());
    }
}
