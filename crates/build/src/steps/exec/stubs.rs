//! Mount points that a root file system lacks: made for a command, and no part of its layer.
//!
//! As BuildKit has it (its package `executor`, `MountStubsCleaner`), whatever is in them by the end stays.

use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType};

use crate::files::{Files as _, Root, resolve};

/// Paths that a root file system lacks, the deepest first.
#[derive(Debug)]
pub(super) struct Stubs(Vec<PathBuf>);

impl Stubs {
    /// Answers what of `targets`, absolute paths, and of the folders in front of them is not in `root`.
    pub(super) fn missing(root: &Root, targets: &[PathBuf]) -> io::Result<Self> {
        let mut missing = Vec::new();
        for target in targets {
            let real = resolve(root, target)?;
            for path in real.ancestors() {
                if path.as_os_str().is_empty() || root.node(path)?.is_some() {
                    break;
                }
                missing.push(path.to_owned());
            }
        }
        missing.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
        missing.dedup();
        Ok(Self(missing))
    }

    /// Removes from `changes`, an overlay's upper directory, what is still empty.
    pub(super) fn remove_from(&self, changes: &Path) -> io::Result<()> {
        let root = Root::open(changes)?;
        for path in &self.0 {
            if let Some(node) = root.node(path)? {
                remove_empty(&root, path, node.is_folder())?;
            }
        }
        Ok(())
    }
}

fn remove_empty(root: &Root, path: &Path, is_folder: bool) -> io::Result<()> {
    let (folder, name) = root.place(path)?;
    if is_folder {
        if root.names(path)?.is_empty() {
            rustix::fs::unlinkat(folder.as_fd(), name, AtFlags::REMOVEDIR)?;
            root.forget_recent();
        }
        return Ok(());
    }
    let stat = rustix::fs::statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode).is_file() && stat.st_size == 0 {
        rustix::fs::unlinkat(folder.as_fd(), name, AtFlags::empty())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn what_was_made_for_mounts_goes_unless_something_was_put_there() {
        let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(before.path().join("etc")).unwrap();
        let root = Root::open(before.path()).unwrap();
        let targets = ["/etc/hosts", "/run/secrets/x", "/cache/a", "/etc"].map(PathBuf::from);
        let stubs = Stubs::missing(&root, &targets).unwrap();
        for folder in ["etc", "run/secrets", "cache/a"] {
            fs::create_dir_all(after.path().join(folder)).unwrap();
        }
        fs::write(after.path().join("etc/hosts"), "").unwrap();
        fs::write(after.path().join("run/secrets/x"), "").unwrap();
        fs::write(after.path().join("cache/kept"), "x").unwrap();
        stubs.remove_from(after.path()).unwrap();
        let left = |path: &str| after.path().join(path).exists();
        assert!(left("etc") && left("cache/kept"));
        assert!(!left("etc/hosts") && !left("run") && !left("cache/a"));
    }
}
