//! What a sandbox is made of, as values that travel to the keeper.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use coracle_spec::{ByteSize, Cpu, revision};
use serde::{Deserialize, Serialize};

use crate::id::SandboxId;

/// How many user and group ids exist inside a sandbox: 0 to 65535.
pub const ID_COUNT: u32 = 65_536;

/// What was added to the user and group ids of the files in an [`Upper::Disk`]: a file of the sandbox's user 0
/// belongs to this id on disk. Subtract it when a layer is made of the directory.
///
/// The range lies above those that container managers and `/etc/subuid` use by convention
/// (<https://systemd.io/UIDS-GIDS/>), so that files and processes of sandboxes are nobody else's.
pub const DISK_UPPER_ID_SHIFT: u32 = 1_879_048_192;

/// What asks a program to end when nothing else is said (signal(7)).
pub const SIGTERM: i32 = 15;

/// Everything that a sandbox is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxSpec {
    /// The name, which no other living sandbox of the keeper has.
    pub id: SandboxId,
    /// What the processes may do.
    pub profile: Profile,
    /// Unpacked trees that make up the root file system, from the bottom to the top, owned by their real ids
    /// (0 to 65535). They are never written to.
    pub lowers: Vec<PathBuf>,
    /// Where changes to the root file system go.
    pub upper: Upper,
    /// Files and directories of the host that appear inside.
    pub mounts: Vec<Bind>,
    /// File systems that are made for the sandbox and appear inside, those of `mounts` and these in the order of their
    /// targets.
    #[serde(default)]
    pub made: Vec<Made>,
    /// Small files to place: secrets, `/etc/resolv.conf`, `/etc/hosts`. They live in memory, are read-only, and
    /// are not part of the upper directory.
    pub files: Vec<PlacedFile>,
    /// Absolute paths of directories that are made when they are missing, the sandbox's user 0 their owner.
    #[serde(default)]
    pub directories: Vec<PathBuf>,
    /// The program to run.
    pub process: Process,
    /// The most that the sandbox may use.
    pub limits: Limits,
    /// What the sandbox can reach.
    pub network: Network,
    /// The host name that the processes see.
    pub hostname: String,
}

/// Answers trees, from the bottom to the top, without those that come again further up: layers of an image may be equal,
/// and the kernel overlays no directory twice. What a tree makes, hides or changes, it does again where it comes last.
pub fn without_repeats(trees: &[PathBuf]) -> Vec<&PathBuf> {
    let repeats = |(index, tree): &(usize, &PathBuf)| trees[index + 1..].contains(tree);
    let kept = trees.iter().enumerate().filter(|tree| !repeats(tree));
    kept.map(|(_, tree)| tree).collect()
}

/// What the processes of a sandbox may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// An application built here: no capabilities, and ports below 1024 like any other.
    Run,
    /// A foreign image: the capabilities that Docker gives by default, over the sandbox's own users only.
    Image,
    /// A step of a build: what package managers need, as root over the sandbox's own users only.
    Build,
}

/// Where changes to the root file system go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upper {
    /// Memory, counted against the sandbox's memory limit, and gone with it.
    Tmpfs {
        /// The most that the changes may take.
        size: ByteSize,
    },
    /// A directory that outlives the sandbox: the changes are in `dir/upper`, as overlayfs writes them, with all
    /// ids shifted by [`DISK_UPPER_ID_SHIFT`].
    Disk {
        /// An existing directory; `upper` and `work` are created in it. It must not be on an overlay itself.
        dir: PathBuf,
    },
}

/// A file or directory of the host that appears inside. Its ids are not shifted: the sandbox's user 0 is the host's
/// user 0 as far as these files go, and only there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// The path on the host.
    pub source: PathBuf,
    /// The absolute path inside; created when it is missing.
    pub target: PathBuf,
    /// Whether the sandbox may only read it.
    pub read_only: bool,
}

/// A file system that is made for a sandbox and goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The absolute path inside; created when it is missing.
    pub target: PathBuf,
    /// What appears there.
    pub kind: MadeKind,
}

/// What is made for a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MadeKind {
    /// A part of a tree.
    Layered {
        /// Unpacked trees that make it up, from the bottom to the top, owned by their real ids. At least one.
        lowers: Vec<PathBuf>,
        /// Which file or directory of it, links followed inside.
        path: PathBuf,
        /// An existing directory for what the sandbox changes there, for a sandbox whose own changes are on the disk
        /// too; without one, it is read-only.
        changes: Option<PathBuf>,
    },
    /// Memory, counted against the sandbox's memory limit.
    Memory {
        /// The most that it holds; half of the machine's without one.
        size: Option<ByteSize>,
    },
}

/// A small file placed into a sandbox. Its contents do not appear in its debug form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedFile {
    /// The absolute path inside.
    pub path: PathBuf,
    /// The permission bits.
    pub mode: u32,
    /// The user and the group that own it, inside; those that the program runs as, if nothing is said.
    #[serde(default)]
    pub owner: Option<(u32, u32)>,
    /// What it holds.
    #[serde(with = "base64_bytes")]
    pub contents: Vec<u8>,
}

impl fmt::Debug for PlacedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PlacedFile({}, {:o}, {} bytes)",
            self.path.display(),
            self.mode,
            self.contents.len()
        )
    }
}

/// The program of a sandbox. The values of its environment do not appear in its debug form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The program and its arguments. A program without a slash is searched for in the `PATH` of `env`.
    pub args: Vec<String>,
    /// The whole environment: nothing is added to it, nothing of the host's leaks into it.
    pub env: BTreeMap<String, String>,
    /// The working directory, created when it is missing.
    pub cwd: PathBuf,
    /// The user it runs as, inside.
    pub uid: u32,
    /// The group it runs as, inside.
    pub gid: u32,
    /// The other groups that it is in, inside.
    #[serde(default)]
    pub groups: Vec<u32>,
    /// The number of the signal that asks it to end.
    #[serde(default = "sigterm")]
    pub stop_signal: i32,
}

impl Default for Process {
    /// Nothing to run yet, as user 0 in `/`.
    fn default() -> Self {
        Self {
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: PathBuf::from("/"),
            uid: 0,
            gid: 0,
            groups: Vec::new(),
            stop_signal: SIGTERM,
        }
    }
}

fn sigterm() -> i32 {
    SIGTERM
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("args", &self.args)
            .field("env", &self.env.keys())
            .field("cwd", &self.cwd)
            .field("uid", &self.uid)
            .field("gid", &self.gid)
            .field("groups", &self.groups)
            .field("stop_signal", &self.stop_signal)
            .finish()
    }
}

/// The most that a sandbox may use. `None` means as much as the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory, what the upper takes in memory included.
    pub memory: Option<ByteSize>,
    /// Processor time.
    pub cpu: Option<Cpu>,
    /// Processes and threads, the sandbox's own first process included.
    pub pids: u32,
}

/// What a sandbox can reach. It always has a loopback of its own, and is dialed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Nothing but itself.
    None,
    /// The outside world, but neither the host, nor other sandboxes, nor link-local addresses.
    Egress,
}

impl From<revision::Network> for Network {
    fn from(network: revision::Network) -> Self {
        match network {
            revision::Network::Egress => Self::Egress,
            revision::Network::None => Self::None,
        }
    }
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_that_come_again_further_up_are_left_out_below() {
        let trees = ["a", "b", "a", "c", "b"].map(PathBuf::from);
        let names: Vec<_> = without_repeats(&trees)
            .into_iter()
            .map(|tree| tree.display().to_string())
            .collect();
        assert_eq!(names, ["a", "c", "b"]);
    }
}
