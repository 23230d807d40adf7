//! What of a context git cannot hold, as `case.toml` describes it.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat, setxattr};
use serde::Deserialize;

/// Additions to a context, made in the order of the fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Setup {
    /// Folders, with their parents.
    folders: Vec<PathBuf>,
    /// Files by their contents.
    files: BTreeMap<PathBuf, String>,
    /// Many files: their folder, and how many.
    many: BTreeMap<PathBuf, usize>,
    /// Symbolic links and where they lead.
    links: BTreeMap<PathBuf, PathBuf>,
    /// Other names of files.
    hard_links: BTreeMap<PathBuf, PathBuf>,
    /// Named pipes.
    pipes: Vec<PathBuf>,
    /// Owners, as `USER:GROUP` in numbers.
    owners: BTreeMap<PathBuf, String>,
    /// Modes, octal.
    modes: BTreeMap<PathBuf, String>,
    /// Extended attributes.
    attributes: BTreeMap<PathBuf, BTreeMap<String, String>>,
}

impl Setup {
    /// Adds everything to the context in `root`.
    pub(crate) fn apply(&self, root: &Path) -> Result<()> {
        self.make(root)?;
        self.link(root)?;
        self.mark(root)
    }

    fn make(&self, root: &Path) -> Result<()> {
        for folder in &self.folders {
            fs_err::create_dir_all(root.join(folder))?;
        }
        for (path, text) in &self.files {
            write(&root.join(path), text)?;
        }
        for (folder, count) in &self.many {
            for number in 0..*count {
                let name = format!("{:02}/{number:05}", number % 50);
                write(&root.join(folder).join(name), &number.to_string())?;
            }
        }
        Ok(())
    }

    fn link(&self, root: &Path) -> Result<()> {
        for (path, target) in &self.links {
            fs_err::os::unix::fs::symlink(target, root.join(path))?;
        }
        for (path, target) in &self.hard_links {
            fs_err::hard_link(root.join(target), root.join(path))?;
        }
        for path in &self.pipes {
            mknodat(
                CWD,
                root.join(path),
                FileType::Fifo,
                Mode::from_raw_mode(0o644),
                0,
            )?;
        }
        Ok(())
    }

    fn mark(&self, root: &Path) -> Result<()> {
        for (path, owner) in &self.owners {
            let (user, group) = owner.split_once(':').context("an owner is `USER:GROUP`")?;
            std::os::unix::fs::lchown(root.join(path), Some(user.parse()?), Some(group.parse()?))?;
        }
        for (path, mode) in &self.modes {
            let mode = u32::from_str_radix(mode, 8)?;
            fs_err::set_permissions(root.join(path), Permissions::from_mode(mode))?;
        }
        for (path, attributes) in &self.attributes {
            for (name, value) in attributes {
                setxattr(root.join(path), name, value.as_bytes(), XattrFlags::empty())?;
            }
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs_err::create_dir_all(parent)?;
    }
    Ok(fs_err::write(path, text)?)
}
