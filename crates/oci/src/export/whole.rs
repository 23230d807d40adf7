//! Files that are there whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

/// How the name of a file ends that is being written.
pub(super) const PARTIAL: &str = ".partial";

/// Lets `write` fill a file beside `path`, then names it so; removes it if that fails.
pub(super) fn write_whole(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}{PARTIAL}", std::process::id()));
    let partial = PathBuf::from(partial);
    let result = write(&partial).and_then(|()| fs::rename(&partial, path));
    if result.is_err() {
        let _ = fs::remove_file(&partial);
    }
    result
}
