//! The overlay of lower trees and an upper directory.
//!
//! Mounted by `mount(2)` with short relative names, and not by `fsconfig` with descriptors: the latter needs a kernel of
//! 6.13, the former works since 5.19, from which on overlayfs takes layers with mapped ids.

use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use coracle_sandbox::Upper;
use fs_err as fs;
use rustix::mount::MountFlags;

use super::{STAGE, path};
use crate::id_map::IdBase;

/// A layer is taken from an upper directory by reading it: every change must be a plain file, directory or whiteout.
const PLAIN: &str = "index=off,metacopy=off,redirect_dir=off,xino=off";

/// Answers the name of the mount point of the lower tree at `index`, counted from the bottom.
pub(super) fn lower_name(index: usize) -> String {
    format!("l{index}")
}

/// Makes the directories in which changes will be.
pub(super) fn prepare_upper(upper: &Upper, base: IdBase) -> io::Result<()> {
    if let Upper::Tmpfs { size } = upper {
        let options = format!("mode=0755,size={}\0", size.bytes());
        let options = std::ffi::CStr::from_bytes_with_nul(options.as_bytes()).map_err(io::Error::other)?;
        rustix::mount::mount("coracle", path("up"), "tmpfs", MountFlags::NODEV, options)?;
    }
    prepare(&directory(upper), base)
}

/// Makes the directories in `directory` in which an overlay's changes will be.
pub(super) fn prepare(directory: &Path, base: IdBase) -> io::Result<()> {
    for name in ["upper", "work"] {
        let made = directory.join(name);
        if !made.is_dir() {
            fs::create_dir(&made)?;
        }
    }
    // The root of the overlay is the root of the upper directory: it looks like the root of any system.
    let root = directory.join("upper");
    fs::set_permissions(&root, PermissionsExt::from_mode(0o755))?;
    chown(&root, Some(base.outer(0)), Some(base.outer(0)))
}

/// Mounts the overlay of as many lower trees on the stage's root.
pub(super) fn mount(lowers: usize, upper: &Upper) -> io::Result<()> {
    let lowers: Vec<String> = (0..lowers).map(lower_name).collect();
    let changes = directory(upper);
    let changes = match upper {
        Upper::Tmpfs { .. } => Changes::InMemory(&changes),
        Upper::Disk { .. } => Changes::OnDisk(&changes),
    };
    mount_at("root", &lowers, changes)
}

/// Where an overlay's changes go: a directory that was prepared.
#[derive(Clone, Copy)]
pub(super) enum Changes<'a> {
    /// There are none.
    None,
    /// A directory in memory.
    InMemory(&'a Path),
    /// A directory on a disk, which need not survive the machine.
    OnDisk(&'a Path),
}

/// Mounts the overlay of trees, named from the bottom to the top, on another place of the stage. With no changes, there
/// must be two at least.
pub(super) fn mount_at(place: &str, lowers: &[String], changes: Changes<'_>) -> io::Result<()> {
    // Relative names resolve from the working directory, which leaves room for hundreds of trees in the one page that
    // the options may take.
    std::env::set_current_dir(STAGE)?;
    let lowers: Vec<&str> = lowers.iter().rev().map(String::as_str).collect();
    let mut options = format!("lowerdir={},{PLAIN}", lowers.join(":"));
    if let Changes::InMemory(directory) | Changes::OnDisk(directory) = changes {
        let (upper, work) = (directory.join("upper"), directory.join("work"));
        let (upper, work) = (escaped(&upper)?, escaped(&work)?);
        let _ = write!(options, ",upperdir={upper},workdir={work}");
    }
    if let Changes::OnDisk(_) = changes {
        options.push_str(",volatile");
    }
    let options = std::ffi::CString::new(options)?;
    let mounted = rustix::mount::mount(
        "overlay",
        path(place),
        "overlay",
        MountFlags::NODEV,
        options.as_c_str(),
    );
    std::env::set_current_dir("/")?;
    Ok(mounted?)
}

fn directory(upper: &Upper) -> PathBuf {
    match upper {
        Upper::Tmpfs { .. } => path("up"),
        Upper::Disk { dir } => dir.clone(),
    }
}

/// Commas and backslashes end an option's value unless a backslash stands before them (overlayfs.rst).
fn escaped(path: &Path) -> io::Result<String> {
    let text = path.to_str().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the upper directory's path is not text",
        )
    })?;
    Ok(text.chars().fold(String::new(), |mut escaped, character| {
        if matches!(character, ',' | '\\' | ':') {
            escaped.push('\\');
        }
        escaped.push(character);
        escaped
    }))
}
