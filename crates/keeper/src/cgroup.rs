//! The control groups of sandboxes, on both versions of the interface and on hosts that have both at once.
//!
//! libcontainer makes the groups that limit (all of version 1's, or version 2's). On a hybrid host there is a version 2
//! hierarchy without controllers as well; a group there costs nothing, and has what version 1 lacks: freezing that a
//! `SIGKILL` gets through, and killing all members at once. Neither needs a controller.
//!
//! ```text
//! <each hierarchy>/coracle/<keeper>/<sandbox>
//! ```
//! A keeper's name holds its process and the time of its start, so that what was left by a dead one can be told from
//! what a living one uses.

mod hierarchies;
mod owner;
mod removal;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use coracle_sandbox::SandboxId;
use coracle_spec::Cpu;
use fs_err as fs;

pub(crate) use hierarchies::{Hierarchies, NoHierarchy};
pub(crate) use owner::Owner;

/// The period over which processor time is limited (cgroup-v2.rst, `cpu.max`).
pub(crate) const CPU_PERIOD_MICROS: u32 = 100_000;
/// The directory that all keepers share in each hierarchy.
const FAMILY: &str = "coracle";
/// The group of a keeper's workers. No sandbox has this name: theirs begin with a letter or digit.
const STAGING: &str = "_workers";

/// All groups of one keeper.
#[derive(Debug, Clone)]
pub(crate) struct Groups {
    hierarchies: Hierarchies,
    owner: Owner,
}

impl Groups {
    /// Answers the groups of `owner`; they are made when a sandbox is.
    pub(crate) fn new(hierarchies: Hierarchies, owner: Owner) -> Self {
        Self { hierarchies, owner }
    }

    /// Answers the groups of one sandbox.
    pub(crate) fn of(&self, id: &SandboxId) -> Group {
        Group {
            hierarchies: self.hierarchies.clone(),
            path: self.path().join(id.as_str()),
        }
    }

    /// Moves this process, a worker, to where the watchdog finds it and its children whatever they are doing: a child of
    /// a worker that was killed would otherwise wait for it for ever.
    pub(crate) fn enter_staging(&self) -> io::Result<()> {
        let Some(root) = self.hierarchies.killing() else {
            return Ok(());
        };
        enter(&root.join(self.path()).join(STAGING))
    }

    /// Answers whether swap can be limited.
    pub(crate) fn limits_swap(&self) -> bool {
        self.hierarchies.limits_swap()
    }

    /// Kills everything in all of this keeper's groups and removes them.
    pub(crate) fn remove(&self) -> io::Result<()> {
        removal::remove_trees(&self.hierarchies.below(&self.path()))
    }

    fn path(&self) -> PathBuf {
        Path::new(FAMILY).join(self.owner.as_str())
    }
}

/// Kills and removes what dead keepers left behind.
pub(crate) fn sweep(hierarchies: &Hierarchies) -> io::Result<()> {
    let families = hierarchies.below(Path::new(FAMILY));
    let owners: BTreeSet<OsString> = families.iter().flat_map(|family| names_in(family)).collect();
    for name in owners {
        if Owner::parse(&name).is_some_and(|owner| !owner.is_alive()) {
            removal::remove_trees(&hierarchies.below(&Path::new(FAMILY).join(name)))?;
        }
    }
    Ok(())
}

fn names_in(directory: &Path) -> Vec<OsString> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .collect()
}

/// The control groups of one sandbox: one in each hierarchy, all with the same path.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    hierarchies: Hierarchies,
    path: PathBuf,
}

impl Group {
    /// Answers the path below each hierarchy's root, absolute, as libcontainer wants it.
    pub(crate) fn absolute_path(&self) -> PathBuf {
        Path::new("/").join(&self.path)
    }

    /// Answers the groups from which the program learns its limits, and where below `/sys/fs/cgroup` it looks for them.
    pub(crate) fn informative(&self) -> Vec<(PathBuf, PathBuf)> {
        let hierarchies = self.hierarchies.informative();
        hierarchies
            .into_iter()
            .map(|(root, name)| (root.join(&self.path), name.to_owned()))
            .collect()
    }

    /// Moves this process into the version 2 group of a hybrid host, which libcontainer does not know.
    pub(crate) fn enter_beside(&self) -> io::Result<()> {
        let Some(root) = self.hierarchies.beside() else {
            return Ok(());
        };
        enter(&root.join(&self.path))
    }

    /// Stops or resumes all processes. They stop within moments of the answer.
    pub(crate) fn set_frozen(&self, frozen: bool) -> io::Result<()> {
        if let Some(root) = self.hierarchies.version2() {
            return fs::write(
                root.join(&self.path).join("cgroup.freeze"),
                if frozen { "1" } else { "0" },
            );
        }
        let root = self
            .hierarchies
            .controller("freezer")
            .ok_or_else(|| missing("freezer"))?;
        fs::write(
            root.join(&self.path).join("freezer.state"),
            if frozen { "FROZEN" } else { "THAWED" },
        )
    }

    /// Limits the processor time from now on.
    pub(crate) fn limit_cpu(&self, cpu: Cpu) -> io::Result<()> {
        let quota = u64::from(cpu.millis()) * u64::from(CPU_PERIOD_MICROS) / 1000;
        if let Some(root) = self.hierarchies.limiting_version2() {
            return fs::write(
                root.join(&self.path).join("cpu.max"),
                format!("{quota} {CPU_PERIOD_MICROS}"),
            );
        }
        let group = self
            .hierarchies
            .controller("cpu")
            .ok_or_else(|| missing("cpu"))?
            .join(&self.path);
        fs::write(group.join("cpu.cfs_period_us"), CPU_PERIOD_MICROS.to_string())?;
        fs::write(group.join("cpu.cfs_quota_us"), quota.to_string())
    }

    /// Answers how many processes the kernel has killed for want of memory within the limit.
    pub(crate) fn out_of_memory_kills(&self) -> u64 {
        let file = match self.hierarchies.limiting_version2() {
            Some(root) => root.join(&self.path).join("memory.events"),
            None => match self.hierarchies.controller("memory") {
                Some(root) => root.join(&self.path).join("memory.oom_control"),
                None => return 0,
            },
        };
        fs::read_to_string(file)
            .ok()
            .and_then(|text| value_of("oom_kill", &text))
            .unwrap_or(0)
    }

    /// Kills everything in the groups and removes them; waits, for a bounded time, until that is possible.
    pub(crate) fn remove(&self) -> io::Result<()> {
        removal::remove_trees(&self.hierarchies.below(&self.path))
    }
}

fn enter(group: &Path) -> io::Result<()> {
    fs::create_dir_all(group)?;
    fs::write(group.join("cgroup.procs"), "0")
}

fn missing(controller: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("the host has no `{controller}` controller"),
    )
}

/// Answers the number after `key` in a file of lines of the form `key number`.
fn value_of(key: &str, text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_counted_from_both_versions_files() {
        for (text, expected) in [
            ("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", Some(1)),
            (
                "low 0\nhigh 0\nmax 17\noom 2\noom_kill 2\noom_group_kill 0\n",
                Some(2),
            ),
            ("oom_kill_disable 0\n", None),
            ("", None),
        ] {
            assert_eq!(value_of("oom_kill", text), expected);
        }
    }
}
