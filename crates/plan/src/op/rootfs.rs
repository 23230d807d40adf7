//! Operations on a root file system that stands already: what the instructions of a Dockerfile become.
//!
//! The operations in `op.rs` know beforehand which files they make. These do not: where a file goes may hang on a link
//! in the root, who owns it on the root's `/etc/passwd`, and what a command leaves is whatever it leaves. So each of
//! them stands on the layers below it, and its layer is the difference that it made to them.

use std::collections::BTreeMap;

use coracle_spec::Digest;
use coracle_spec::revision::Network;
use serde::Serialize;

use super::Sharing;
use crate::step::StepId;
use crate::target::Arch;

/// The layers of an image of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FromImage {
    /// Its name, in full, for people and for fetching it. The digest says what it is.
    #[serde(skip)]
    pub reference: String,
    /// The digest of the manifest for `arch`.
    pub digest: Digest,
    /// The processors that its programs are for.
    pub arch: Arch,
}

/// A command over a root file system; its layer is everything that it changed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exec {
    /// The steps whose layers make the root, lowest first.
    pub root: Vec<StepId>,
    /// What runs, as words.
    pub command: Vec<String>,
    /// The environment, complete, but for what the host says about proxies and certificates.
    pub env: BTreeMap<String, String>,
    /// Proxies that the build's author names, which go before the host's and after `env`. They are in no key.
    #[serde(skip)]
    pub proxies: BTreeMap<String, String>,
    /// The working directory, absolute, made when it does not exist.
    pub workdir: String,
    /// Who runs it, as `USER` writes it: names are looked up in the root. Empty for root.
    pub user: String,
    /// A script that the command reads: a file that is there while it runs.
    pub script: Option<Script>,
    /// What is there only while it runs.
    pub mounts: Vec<Mount>,
    /// What it can reach.
    pub network: Network,
}

impl Exec {
    /// Answers the steps that it stands on: its root, and what is mounted.
    pub(super) fn depends_on(&self) -> Vec<&StepId> {
        let mounted = self.mounts.iter().flat_map(|mount| match &mount.kind {
            MountKind::Bind { from, .. }
            | MountKind::Cache {
                from: Some((from, _)),
                ..
            } => from.steps(),
            MountKind::Cache { from: None, .. } | MountKind::Tmpfs { .. } | MountKind::Secret { .. } => &[],
        });
        self.root.iter().chain(mounted).collect()
    }
}

/// A script that is there while a command runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Script {
    /// Its absolute path.
    pub path: String,
    /// What is in it. It may be executed.
    pub contents: String,
}

/// Something that is there only while a command runs. What is mounted is part of no layer; its mount point is, when it
/// was not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// The absolute path inside.
    pub target: String,
    /// What it is.
    pub kind: MountKind,
}

/// What a mount is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MountKind {
    /// Files from elsewhere.
    Bind {
        /// Where they come from.
        from: Origin,
        /// The path there.
        path: String,
        /// Whether the command may write; what it writes is thrown away.
        writable: bool,
    },
    /// A folder that outlives the build.
    Cache {
        /// Its name.
        id: String,
        /// Who may use it at the same time.
        sharing: Sharing,
        /// What it begins with, and the path there.
        from: Option<(Origin, String)>,
        /// Whether the command may write.
        writable: bool,
        /// The permission bits of the folder when it is made.
        mode: u32,
        /// Its owner when it is made.
        uid: u32,
        /// Its group when it is made.
        gid: u32,
    },
    /// A folder in memory.
    Tmpfs {
        /// The most that it holds, in bytes.
        size: Option<u64>,
    },
    /// A file, or a variable, that no layer holds. Its value is in no key either.
    Secret {
        /// Its name.
        id: String,
        /// Whether it is an error when nobody gave it.
        required: bool,
        /// Whether it is a file at the target.
        file: bool,
        /// The variable that holds it.
        env: Option<String>,
        /// The file's permission bits.
        mode: u32,
        /// The file's owner.
        uid: u32,
        /// The file's group.
        gid: u32,
    },
}

/// Where files come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The build's context, without what its ignore file leaves out.
    Context,
    /// The root file system that these steps' layers make, lowest first. None of them is an empty one.
    Steps(Vec<StepId>),
}

impl Origin {
    /// Answers the steps whose layers it is, lowest first.
    pub fn steps(&self) -> &[StepId] {
        match self {
            Self::Context => &[],
            Self::Steps(steps) => steps,
        }
    }
}

/// Files from elsewhere, put into a root file system (Dockerfile reference, `COPY` and `ADD`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The steps whose layers make the root, lowest first; none when the layer does not depend on them (`--link`).
    pub root: Vec<StepId>,
    /// What is put there, in order.
    pub what: Vec<Placed>,
    /// The absolute path; a folder when it ends with a slash.
    pub to: String,
    /// Whether there were several sources, so that the destination must be a folder.
    pub many: bool,
    /// Who gets the files, as `--chown` writes it; names are looked up in the root. None is `0:0`.
    pub owner: Option<String>,
    /// The permission bits that they get, as `--chmod` writes them.
    pub mode: Option<String>,
    /// Whether the folders of the sources are made at the destination as well.
    pub parents: bool,
    /// Patterns of what is left out.
    pub exclude: Vec<String>,
    /// Whether archives are unpacked: as the kind of source has it, when nothing is said.
    pub unpack: Option<bool>,
    /// Whether it is an `ADD`, which unpacks local archives.
    pub add: bool,
}

impl Place {
    /// Answers the steps that it stands on: its root, and where files come from.
    pub(super) fn depends_on(&self) -> Vec<&StepId> {
        let sources = self.what.iter().flat_map(|placed| match placed {
            Placed::Files { from, .. } => from.steps(),
            Placed::Text { .. } | Placed::Remote { .. } => &[],
        });
        self.root.iter().chain(sources).collect()
    }
}

/// Something that is put into a root file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Placed {
    /// What a pattern of the context or of another root finds.
    Files {
        /// Where.
        from: Origin,
        /// The pattern, as it is written, variables replaced.
        pattern: String,
    },
    /// A file that the Dockerfile holds.
    Text {
        /// Its name.
        name: String,
        /// What is in it.
        contents: String,
    },
    /// A file of a web server.
    Remote {
        /// Its address.
        url: String,
        /// What it hashes to, if the author says: `sha256:…`.
        checksum: Option<String>,
    },
}

/// A folder that is made when it is not there (Dockerfile reference, `WORKDIR`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MakeFolder {
    /// The steps whose layers make the root, lowest first.
    pub root: Vec<StepId>,
    /// Its absolute path.
    pub path: String,
    /// Who gets the folders that are made, as `USER` writes it. Empty for root.
    pub user: String,
}
