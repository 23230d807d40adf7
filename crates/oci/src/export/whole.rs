//! Files that are there whole or not at all.
//!
//! They are written without a name, where the file system has that, so that nothing is left of one whose writer was killed.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fs_err as fs;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

/// Tells apart what one process writes.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// How the name of a file ends that is being written.
pub(super) const PARTIAL: &str = ".partial";

/// Lets `write` fill a file beside `path`, then names it so; removes it if that fails.
pub(super) fn write_whole(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    partial.push(format!(".{}-{number}{PARTIAL}", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = match unnamed(path) {
        Some(file) => write_unnamed(&file, &partial, write),
        None => write(&partial),
    };
    let result = written.and_then(|()| fs::rename(&partial, path));
    if result.is_err() {
        let _ = fs::remove_file(&partial);
    }
    result
}

/// Makes a file without a name in the folder of `path`; nothing where that cannot be done.
fn unnamed(path: &Path) -> Option<OwnedFd> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    open(
        folder.unwrap_or(Path::new(".")),
        flags,
        Mode::from_raw_mode(0o666),
    )
    .ok()
}

/// Lets `write` fill the file, and names it (open(2), `O_TMPFILE`).
fn write_unnamed(file: &OwnedFd, name: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let here = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    write(&here)?;
    Ok(linkat(CWD, &here, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}
