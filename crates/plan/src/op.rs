//! What a step can do. Each operation results in layers.

mod rootfs;

use std::collections::BTreeMap;

use coracle_spec::revision::Network;
use serde::Serialize;

use crate::step::StepId;
use crate::target::Arch;

pub use rootfs::{Exec, FromImage, MakeFolder, Mount, MountKind, Origin, Place, Placed, Script};

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// Assembles a root file system from Debian packages.
    Base(Base),
    /// Takes files out of a package of a language's registry.
    Fetch(Fetch),
    /// Runs a command in a sandbox and keeps what it wrote.
    Run(Run),
    /// Puts files of the source into a layer.
    Copy(Copy),
    /// Puts files that the plan itself holds into a layer.
    Write(Write),
    /// Takes the layers of an image of a registry.
    Image(FromImage),
    /// Runs a command over a root and keeps all that it changed.
    Exec(Exec),
    /// Puts files from elsewhere into a root.
    Place(Place),
    /// Makes a folder in a root.
    MakeFolder(MakeFolder),
}

impl Op {
    /// Answers the steps that this one stands on.
    pub fn depends_on(&self) -> Vec<&StepId> {
        match self {
            Self::Run(run) => run.root.iter().collect(),
            Self::Exec(exec) => exec.depends_on(),
            Self::Place(place) => place.depends_on(),
            Self::MakeFolder(folder) => folder.root.iter().collect(),
            Self::Base(_) | Self::Fetch(_) | Self::Copy(_) | Self::Write(_) | Self::Image(_) => Vec::new(),
        }
    }
}

/// A root file system of Debian packages and all they depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Base {
    /// What the lock file calls it: equal recipes are locked once.
    pub recipe: String,
    /// The Debian release: `trixie`.
    pub release: String,
    /// The processors that its programs are for.
    pub arch: Arch,
    /// What it is for; every base of a kind holds what that kind needs, beside `packages`.
    pub kind: BaseKind,
    /// The packages asked for by name, sorted.
    pub packages: Vec<String>,
}

/// What a base is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseKind {
    /// Running a program that is linked statically: certificates, time zones, users; no C library, no shell.
    Static,
    /// Running an application: C library, certificates, time zones; no shell.
    Runtime,
    /// Running build tools: that, and a shell with the usual tools.
    Builder,
}

/// A package of a language's registry, used as the carrier of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fetch {
    /// Where it comes from.
    pub registry: Registry,
    /// The package's name there.
    pub package: String,
    /// Which version.
    pub version: Version,
    /// What is taken out of it and where it goes. Modes are normalised as in [`struct@Copy`], owner is root.
    pub unpack: Vec<Unpack>,
}

/// A language's package registry. Its address is the host's configuration, never the plan's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Registry {
    /// The npm registry: a gzip tar whose entries are all beneath one folder, which is not part of paths here.
    Npm,
    /// Python's package index: a wheel, of which single programs are taken by their whole names. They are in no image, so
    /// that they become a tree and no layer.
    PyPi,
    /// Go's module proxy, for toolchains, called `go-linux-amd64`: a zip whose entries are all beneath the module's
    /// name, which is not part of paths here. What only tests or builds Go itself is left out. Toolchains are in no
    /// image, so that they become a tree and no layer.
    Go,
}

/// Which version of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// Exactly this one, with this content.
    Exact {
        /// The version.
        version: String,
        /// The checksum as Subresource Integrity writes it (`sha512-…`), or of a module as `go.sum` does (`h1:…`).
        integrity: String,
        /// The path beneath the registry's address.
        path: String,
    },
    /// The newest one that starts with these parts, which the build resolves and writes to the lock file: `24`, `24.3`.
    Newest(String),
}

/// A part of a package that goes into the layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unpack {
    /// A file, or a folder with all beneath it; empty for everything.
    pub from: String,
    /// The absolute path that it gets.
    pub to: String,
}

/// A command in a sandbox.
///
/// Its root file system is the layers of `root`, writable, with `inputs` copied in. It runs as root of its own
/// user namespace, in the environment `env` and nothing else, except what the host says about proxies,
/// certificates and registries when the command has a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The steps whose layers make the root, lowest first.
    pub root: Vec<StepId>,
    /// What runs, as words.
    pub command: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The working directory, made when it does not exist.
    pub workdir: String,
    /// What it reads of the source and of the plan.
    pub inputs: Vec<Input>,
    /// Folders that outlive the step. They may hold anything: a command's result must not depend on them.
    pub caches: Vec<CacheMount>,
    /// What it can reach.
    pub network: Network,
    /// What of all that it wrote becomes its layer; inputs that it left as they were do not count as written.
    pub capture: Vec<Capture>,
}

/// Something that a command reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Files of the source, by their paths there, kept beneath a folder.
    Source {
        /// The paths, sorted.
        files: Vec<String>,
        /// The absolute path of the folder.
        to: String,
    },
    /// A file that the plan holds.
    Text {
        /// What is in it.
        contents: String,
        /// Its absolute path.
        to: String,
    },
}

/// A folder that outlives a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheMount {
    /// The cache's name: `pip`.
    pub name: String,
    /// Where it is mounted.
    pub target: String,
    /// Who may use it at the same time.
    pub sharing: Sharing,
}

/// Who may use a cache at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// Any number of steps.
    Shared,
    /// One step; others wait.
    Locked,
    /// One step; others get a cache of their own.
    Private,
}

/// A folder whose new contents become part of the layer, at the same path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capture {
    /// The absolute path of the folder. It need not exist.
    pub path: String,
    /// Globs, relative to the folder, of what is left out.
    pub exclude: Vec<String>,
}

/// Files of the source.
///
/// Files get mode 0644, or 0755 when their owner may execute them; folders 0755; everything belongs to root.
/// Links stay links. So the layer depends on the contents alone, not on anybody's umask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// The paths in the source, sorted, files and links.
    pub files: Vec<String>,
    /// The absolute path of the folder that they go to, with their paths.
    pub to: String,
}

/// Files that the plan itself holds. Owned by root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Write {
    /// What is written, sorted by path.
    pub files: Vec<Written>,
}

/// Something that the plan itself holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// A file.
    File {
        /// Its absolute path.
        path: String,
        /// Its permission bits.
        mode: u32,
        /// What is in it.
        contents: String,
    },
    /// A symbolic link.
    Link {
        /// Its absolute path.
        path: String,
        /// What it points to.
        target: String,
    },
}
