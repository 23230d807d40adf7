//! The control groups of sandboxes, on both versions of the interface and on hosts that have both at once.
//!
//! Joining a group costs 7 to 15 ms on an idle machine (the kernel waits for a grace period), whatever joins. So not the
//! sandbox joins, as libcontainer would have it, but the worker that waits for something to do, ahead of time: what it
//! makes inherits its groups. Every worker therefore has groups of its own, with its number, which become the sandbox's;
//! limits are set when there is one.
//!
//! On a hybrid host there is a version 2 hierarchy without controllers beside version 1. A group there has what version 1
//! lacks: freezing that a `SIGKILL` gets through, and killing all members at once. Neither needs a controller.
//!
//! ```text
//! <each hierarchy>/coracle/<keeper>/<number>
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

use coracle_sandbox::Limits;
use coracle_spec::Cpu;
use fs_err as fs;

pub(crate) use hierarchies::{Hierarchies, NoHierarchy};
pub(crate) use owner::Owner;

/// The period over which processor time is limited (cgroup-v2.rst, `cpu.max`).
const CPU_PERIOD_MICROS: u32 = 100_000;
/// The directory that all keepers share in each hierarchy.
const FAMILY: &str = "coracle";

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

    /// Makes the directories in which the groups of workers will be.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        self.hierarchies
            .below(&self.path())
            .iter()
            .try_for_each(fs::create_dir_all)
    }

    /// Answers the groups of the worker with that number, and of the sandbox that it creates.
    pub(crate) fn of(&self, number: u32) -> Group {
        Group {
            hierarchies: self.hierarchies.clone(),
            path: self.path().join(number.to_string()),
        }
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

/// The control groups of one worker or sandbox: one in each hierarchy, all with the same path.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    hierarchies: Hierarchies,
    path: PathBuf,
}

impl Group {
    /// Makes the groups and moves this process into them.
    pub(crate) fn enter(&self) -> io::Result<()> {
        self.hierarchies.delegate(&self.path)?;
        self.hierarchies.below(&self.path).iter().try_for_each(|group| {
            fs::create_dir_all(group)?;
            fs::write(group.join("cgroup.procs"), "0")
        })
    }

    /// Answers the groups from which the program learns its limits, and where below `/sys/fs/cgroup` it looks for them.
    pub(crate) fn informative(&self) -> Vec<(PathBuf, PathBuf)> {
        let hierarchies = self.hierarchies.informative();
        hierarchies
            .into_iter()
            .map(|(root, name)| (root.join(&self.path), name.to_owned()))
            .collect()
    }

    /// Sets the limits.
    pub(crate) fn limit(&self, limits: &Limits) -> io::Result<()> {
        self.write("pids", "pids.max", &limits.pids)?;
        if let Some(memory) = limits.memory {
            self.limit_memory(memory.bytes())?;
        }
        limits.cpu.map_or(Ok(()), |cpu| self.limit_cpu(cpu))
    }

    /// Limits memory, and leaves no swap, where swap can be limited.
    fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        if self.hierarchies.limiting_version2().is_some() {
            self.write("memory", "memory.max", &bytes)?;
            return self.write_if_there("memory", "memory.swap.max", 0);
        }
        self.write("memory", "memory.limit_in_bytes", &bytes)?;
        // Of memory and swap together.
        self.write_if_there("memory", "memory.memsw.limit_in_bytes", bytes)
    }

    fn write(&self, controller: &str, file: &str, value: &impl ToString) -> io::Result<()> {
        fs::write(self.directory(controller)?.join(file), value.to_string())
    }

    fn write_if_there(&self, controller: &str, file: &str, value: u64) -> io::Result<()> {
        match self.write(controller, file, &value) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Answers the group in which `controller` has its files.
    fn directory(&self, controller: &str) -> io::Result<PathBuf> {
        let root = self
            .hierarchies
            .limiting_version2()
            .or_else(|| self.hierarchies.controller(controller));
        root.map(|root| root.join(&self.path))
            .ok_or_else(|| missing(controller))
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
        if self.hierarchies.limiting_version2().is_some() {
            return self.write("cpu", "cpu.max", &format!("{quota} {CPU_PERIOD_MICROS}"));
        }
        self.write("cpu", "cpu.cfs_period_us", &CPU_PERIOD_MICROS)?;
        self.write("cpu", "cpu.cfs_quota_us", &quota)
    }

    /// Answers how many processes the kernel has killed for want of memory within the limit.
    pub(crate) fn out_of_memory_kills(&self) -> u64 {
        let name = if self.hierarchies.limiting_version2().is_some() {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        let Ok(directory) = self.directory("memory") else {
            return 0;
        };
        let file = directory.join(name);
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
    use coracle_spec::ByteSize;

    use super::*;

    fn group(hierarchies: Hierarchies) -> Group {
        Group {
            hierarchies,
            path: PathBuf::from("coracle/7-7/0"),
        }
    }

    fn limits() -> Limits {
        Limits {
            memory: Some(ByteSize::mebibytes(1)),
            cpu: Some("0.5".parse().unwrap()),
            pids: 12,
        }
    }

    /// Makes the files that a kernel would, empty, and answers what is written to them.
    fn written(group: &Group, files: &[&str], action: impl FnOnce(&Group) -> io::Result<()>) -> Vec<String> {
        let paths: Vec<PathBuf> = files
            .iter()
            .map(|file| {
                let (controller, name) = file.split_once(':').unwrap();
                group.directory(controller).unwrap().join(name)
            })
            .collect();
        for path in &paths {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        action(group).unwrap();
        paths
            .iter()
            .map(|path| fs::read_to_string(path).unwrap())
            .collect()
    }

    #[test]
    fn version_2_is_limited_by_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let group = group(Hierarchies::of_version2(directory.path()));
        let files = [
            "pids:pids.max",
            "memory:memory.max",
            "memory:memory.swap.max",
            "cpu:cpu.max",
        ];
        assert_eq!(
            written(&group, &files, |group| group.limit(&limits())),
            ["12", "1048576", "0", "50000 100000"]
        );
        assert_eq!(
            written(&group, &["cpu:cgroup.freeze"], |group| group.set_frozen(true)),
            ["1"]
        );
        assert_eq!(
            written(&group, &["cpu:cgroup.freeze"], |group| group.set_frozen(false)),
            ["0"]
        );
        fs::write(
            group.directory("memory").unwrap().join("memory.events"),
            "oom 1\noom_kill 3\n",
        )
        .unwrap();
        assert_eq!(group.out_of_memory_kills(), 3);
    }

    #[test]
    fn version_2_passes_its_controllers_on_to_the_group_and_not_further() {
        let directory = tempfile::tempdir().unwrap();
        let group = group(Hierarchies::of_version2(directory.path()));
        group.enter().unwrap();
        let passed = |path: &str| {
            directory
                .path()
                .join(path)
                .join("cgroup.subtree_control")
                .exists()
        };
        assert_eq!(
            ["", "coracle", "coracle/7-7", "coracle/7-7/0"].map(passed),
            [true, true, true, false]
        );
        let members = fs::read_to_string(directory.path().join("coracle/7-7/0/cgroup.procs")).unwrap();
        assert_eq!(members, "0");
    }

    #[test]
    fn version_1_is_limited_by_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let group = group(Hierarchies::of_version1(
            directory.path(),
            &["cpu", "memory", "pids", "freezer"],
        ));
        let files = [
            "pids:pids.max",
            "memory:memory.limit_in_bytes",
            "memory:memory.memsw.limit_in_bytes",
            "cpu:cpu.cfs_period_us",
            "cpu:cpu.cfs_quota_us",
        ];
        let values = ["12", "1048576", "1048576", "100000", "50000"];
        assert_eq!(written(&group, &files, |group| group.limit(&limits())), values);
        assert_eq!(
            written(&group, &["freezer:freezer.state"], |group| group.set_frozen(true)),
            ["FROZEN"]
        );
    }

    #[test]
    fn a_limit_without_its_controller_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let error = group(Hierarchies::of_version1(directory.path(), &["cpu"]))
            .limit(&limits())
            .unwrap_err();
        assert!(error.to_string().contains("`pids`"), "{error}");
    }

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
