//! Removing control groups with what is in them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};

/// How long a group may take to become empty.
const DEADLINE: Duration = Duration::from_secs(5);
/// How often to look. A version 1 group tells nobody when it becomes empty; this runs in processes that have nothing else
/// to do, and almost always succeeds at once, since the sandbox's processes are gone before.
const PAUSE: Duration = Duration::from_millis(2);

/// Removes the groups at `paths`, one in each hierarchy, and those below them, killing what is in them. It is no error
/// when there is none.
pub(super) fn remove_trees(paths: &[PathBuf]) -> io::Result<()> {
    // All are killed before the first is waited for: a process that is frozen in one hierarchy cannot leave another.
    for path in paths {
        visit(path, &|group| {
            kill_members(group);
            Ok(())
        })?;
    }
    paths.iter().try_for_each(|path| visit(path, &remove_when_empty))
}

/// Calls `action` on all groups at and below `path`, the innermost first.
fn visit(path: &Path, action: &dyn Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            visit(&entry.path(), action)?;
        }
    }
    action(path)
}

fn remove_when_empty(path: &Path) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match fs::remove_dir(path) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && start.elapsed() < DEADLINE => {
                std::thread::sleep(PAUSE);
                kill_members(path);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => return other,
        }
    }
}

/// Version 2 kills all at once, frozen or not; version 1 one by one, and only once thawed. What fails here shows when the
/// group cannot be removed.
fn kill_members(path: &Path) {
    if fs::write(path.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    let members = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    for pid in members
        .lines()
        .filter_map(|line| Pid::from_raw(line.parse().ok()?))
    {
        let _ = kill_process(pid, Signal::KILL);
    }
    if path.join("freezer.state").exists() {
        let _ = fs::write(path.join("freezer.state"), "THAWED");
    }
}
