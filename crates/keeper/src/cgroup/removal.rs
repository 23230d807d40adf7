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
///
/// All are killed before the first is removed, since a process that is frozen in one hierarchy cannot leave another; and
/// both again until nothing is left, since what is killed may make a group or a child just before it ends.
pub(super) fn remove_trees(paths: &[PathBuf]) -> io::Result<()> {
    let start = Instant::now();
    loop {
        paths.iter().try_for_each(|path| visit(path, &kill_members))?;
        match paths.iter().try_for_each(|path| visit(path, &remove)) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && start.elapsed() < DEADLINE => {
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error),
            Ok(()) if !paths.iter().any(|path| path.exists()) => return Ok(()),
            Ok(()) if start.elapsed() >= DEADLINE => return Err(io::ErrorKind::ResourceBusy.into()),
            Ok(()) => {}
        }
    }
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

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Version 2 kills all at once, frozen or not; version 1 one by one, and only once thawed. What fails here shows when the
/// group cannot be removed.
#[expect(clippy::unnecessary_wraps, reason = "an action of `visit`")]
fn kill_members(path: &Path) -> io::Result<()> {
    if fs::write(path.join("cgroup.kill"), "1").is_ok() {
        return Ok(());
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
    Ok(())
}
