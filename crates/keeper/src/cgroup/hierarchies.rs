//! Which control group hierarchies the host has, from `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`).

use std::io;
use std::path::{Path, PathBuf};

use coracle_spec::{Class, Failure};
use fs_err as fs;

/// Why the host's control groups cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoHierarchy {
    /// The mounts cannot be read.
    #[error("cannot read which control groups are mounted")]
    Unreadable(#[from] std::io::Error),
    /// None is mounted.
    #[error("no control groups are mounted below `/sys/fs/cgroup`")]
    None,
}

impl Failure for NoHierarchy {
    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn hint(&self) -> Option<String> {
        Some("mount them with `mount -t cgroup2 cgroup2 /sys/fs/cgroup`, or run the container that this is in with its own control groups".to_owned())
    }
}

/// The controllers of version 1 whose hierarchies a sandbox joins. Those of devices, of traffic and of block devices are not
/// among them: device nodes are shut out by the mounts, and each hierarchy costs time.
const JOINED: [&str; 5] = ["cpu", "cpuacct", "memory", "pids", "freezer"];
/// The controllers of version 2 that limit a sandbox.
const NEEDED: [&str; 3] = ["cpu", "memory", "pids"];

/// The hierarchies that are mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hierarchies {
    version1: Vec<Version1>,
    version2: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Version1 {
    root: PathBuf,
    controllers: Vec<String>,
}

impl Hierarchies {
    /// Finds those of this host.
    pub(crate) fn detect() -> Result<Self, NoHierarchy> {
        let found = Self::parse(&fs::read_to_string("/proc/self/mountinfo")?);
        if found.version1.is_empty() && found.version2.is_none() {
            Err(NoHierarchy::None)
        } else {
            Ok(found)
        }
    }

    #[cfg(test)]
    pub(super) fn of_version2(root: &Path) -> Self {
        Self {
            version1: Vec::new(),
            version2: Some(root.to_owned()),
        }
    }

    #[cfg(test)]
    pub(super) fn of_version1(root: &Path, controllers: &[&str]) -> Self {
        let version1 = controllers.iter().map(|name| Version1 {
            root: root.join(name),
            controllers: vec![(*name).to_owned()],
        });
        Self {
            version1: version1.collect(),
            version2: None,
        }
    }

    fn parse(mountinfo: &str) -> Self {
        let mut found = Self::default();
        for line in mountinfo.lines() {
            let Some(mount) = Mount::parse(line) else { continue };
            match mount.kind {
                "cgroup2" if found.version2.is_none() => found.version2 = Some(mount.place.into()),
                "cgroup" => found.version1.extend(Version1::new(&mount)),
                _ => {}
            }
        }
        found
    }

    /// Answers `path` in each hierarchy; first in version 2, which kills best.
    pub(super) fn below(&self, path: &Path) -> Vec<PathBuf> {
        let version1 = self.version1.iter().map(|one| &one.root);
        self.version2
            .iter()
            .chain(version1)
            .map(|root| root.join(path))
            .collect()
    }

    /// Answers the hierarchies by which a program learns its limits, and their names below `/sys/fs/cgroup`: version 2 is
    /// all of that.
    pub(super) fn informative(&self) -> Vec<(&Path, &Path)> {
        if let Some(root) = self.limiting_version2() {
            return vec![(root, Path::new(""))];
        }
        let found = self.version1.iter();
        found
            .filter_map(|one| Some((one.root.as_path(), Path::new(one.root.file_name()?))))
            .collect()
    }

    /// Answers the root of version 2, whether it limits or not.
    pub(super) fn version2(&self) -> Option<&Path> {
        self.version2.as_deref()
    }

    /// Answers the root of version 2 if it is the one that limits.
    pub(super) fn limiting_version2(&self) -> Option<&Path> {
        self.version2().filter(|_| self.version1.is_empty())
    }

    /// Has version 2 pass its controllers on to the group at `path`, which is not made itself: only what has no processes
    /// of its own may pass them on. Version 1 has no such thing.
    pub(super) fn delegate(&self, path: &Path) -> io::Result<()> {
        let Some(root) = self.limiting_version2() else {
            return Ok(());
        };
        let mut group = root.to_owned();
        for name in path {
            if group != root {
                fs::create_dir_all(&group)?;
            }
            // One by one, since all fail with the one that the host does not pass on; a limit then says which.
            for controller in NEEDED {
                let _ = fs::write(group.join("cgroup.subtree_control"), format!("+{controller}"));
            }
            group.push(name);
        }
        Ok(())
    }

    /// Answers the root of the version 1 hierarchy with `controller`.
    pub(super) fn controller(&self, controller: &str) -> Option<&Path> {
        let has = |one: &&Version1| one.controllers.iter().any(|name| name == controller);
        self.version1.iter().find(has).map(|one| one.root.as_path())
    }
}

impl Version1 {
    fn new(mount: &Mount<'_>) -> Option<Self> {
        let controllers: Vec<String> = mount.options.split(',').map(str::to_owned).collect();
        let joined = controllers.iter().any(|name| JOINED.contains(&name.as_str()));
        joined.then(|| Self {
            root: mount.place.into(),
            controllers,
        })
    }
}

struct Mount<'a> {
    place: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    /// Reads `36 35 98:0 /root /place options optional… - type source super_options`, of mounts whose root is `/`.
    fn parse(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, place) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let kind = right.next()?;
        let options = right.nth(1)?;
        let ours = root == "/" && place.starts_with("/sys/fs/cgroup");
        ours.then_some(Self { place, kind, options })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
23 1 0:21 / /sys rw,relatime - sysfs sysfs rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
37 31 0:34 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
99 31 0:38 /docker/x /mnt/cgroup rw,relatime - cgroup2 cgroup2 rw
";
    const UNIFIED: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn a_hybrid_host_limits_by_version_1_and_has_version_2_beside() {
        let found = Hierarchies::parse(HYBRID);
        assert_eq!(
            found.controller("cpuacct"),
            Some(Path::new("/sys/fs/cgroup/cpu,cpuacct"))
        );
        assert_eq!(found.controller("pids"), None);
        assert_eq!(found.version2(), Some(Path::new("/sys/fs/cgroup/unified")));
        assert_eq!(found.limiting_version2(), None);
        assert_eq!(
            found.below(Path::new("a"))[0],
            Path::new("/sys/fs/cgroup/unified/a")
        );
        assert_eq!(found.below(Path::new("a")).len(), 3);
    }

    #[test]
    fn a_unified_host_limits_by_version_2() {
        let found = Hierarchies::parse(UNIFIED);
        assert_eq!(found.limiting_version2(), Some(Path::new("/sys/fs/cgroup")));
        assert_eq!(
            found.informative(),
            [(Path::new("/sys/fs/cgroup"), Path::new(""))]
        );
    }
}
