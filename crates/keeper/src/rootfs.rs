//! The root file system of a sandbox, mounted in the worker's own mount namespace.
//!
//! ```text
//! /run/coracle               a small tmpfs, in this namespace only
//! ├── l0, l1, …              lower trees, ids mapped
//! ├── up/{upper,work}        a sized tmpfs; or the caller's directory
//! ├── files                  the small files
//! ├── groups                 the control groups that the program sees
//! ├── root                   the overlay of all that, with binds and files on it
//! └── bundle, state          what libcontainer reads and writes
//! ```
//! The namespace goes with the worker and, but for the root, with libcontainer's change of root: nothing is ever
//! unmounted, and nothing can be left behind. `/run/coracle` and not the data directory, because the sandbox's own
//! root must be able to walk to it, and a data directory may be private.

mod made;
mod overlay;
mod target;
mod tree;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use coracle_sandbox::{Bind, Made, PlacedFile, Profile, SandboxSpec, without_repeats};
use coracle_spec::{Class, Failure};
use fs_err as fs;
use nix::sched::{CloneFlags, unshare};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};

use crate::id_map::{IdBase, Namespaces};
use target::Root;
use tree::Tree;

/// Where everything is mounted. An empty directory of the host, shared by all workers of all keepers.
const STAGE: &str = "/run/coracle";
/// Where hosts mount their control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// Why a root file system cannot be put together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootfsError {
    /// No lower tree was given.
    #[error("a root file system needs at least one lower tree")]
    NoLower,
    /// A lower tree cannot be used.
    #[error("cannot use the lower tree `{path}`")]
    Lower {
        /// The tree.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The upper directory cannot be made.
    #[error("cannot prepare the upper directory")]
    Upper(#[source] io::Error),
    /// The overlay cannot be mounted.
    #[error("cannot mount the overlay of {lowers} lower trees")]
    Overlay {
        /// How many.
        lowers: usize,
        /// What the system said.
        source: io::Error,
    },
    /// A file or directory of the host cannot be made to appear.
    #[error("cannot bind `{}` at `{}`", bind.source.display(), bind.target.display())]
    Bind {
        /// Which.
        bind: Bind,
        /// What the system said.
        source: io::Error,
    },
    /// A file system that is made for the sandbox cannot be made, or not appear.
    #[error("cannot mount anything at `{target}`")]
    Made {
        /// Where.
        target: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A small file cannot be placed.
    #[error("cannot place the file `{path}`")]
    File {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The working directory, or one that the program is to find, cannot be made.
    #[error("cannot create the directory `{path}`")]
    Directory {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Failure for RootfsError {
    fn class(&self) -> Class {
        match self {
            Self::NoLower => Class::User,
            Self::Lower { source, .. } | Self::Bind { source, .. } | Self::Made { source, .. }
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Class::NotFound
            }
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Lower { source, .. } if source.raw_os_error() == Some(libc::EINVAL) => Some(
                "the file system under the data directory must support idmapped mounts (ext4, xfs, btrfs, tmpfs …)".to_owned(),
            ),
            Self::Overlay { .. } => Some(
                "the kernel must be 5.19 or newer and have overlayfs, and the data directory must not be on an overlay itself"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// The place in which a worker builds one root file system.
#[derive(Debug)]
pub(crate) struct Stage {
    base: IdBase,
    map: OwnedFd,
    groups: Vec<(PathBuf, PathBuf)>,
    /// A network namespace that belongs to the user namespace `map`, both for the sandbox alone.
    network: Option<OwnedFd>,
}

impl Stage {
    /// Moves this process to a mount namespace of its own, from which nothing spreads, and sets up the place there.
    /// Sandboxes whose upper is in memory get the ids of `base`.
    /// Of `groups`, the program is to see each under its name.
    pub(crate) fn enter(base: IdBase, groups: &[(PathBuf, PathBuf)]) -> io::Result<Self> {
        fs::create_dir_all(STAGE)?;
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount_change(
            "/",
            MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC,
        )?;
        mount(
            "coracle",
            STAGE,
            "tmpfs",
            MountFlags::NOSUID | MountFlags::NODEV,
            c"mode=0755,size=16m",
        )?;
        for name in ["root", "up", "files", "bundle", "state", "groups"] {
            fs::create_dir(path(name))?;
        }
        let groups = groups
            .iter()
            .enumerate()
            .map(keep_group)
            .collect::<io::Result<_>>()?;
        hide_groups()?;
        let Namespaces { user, network } = base.namespaces()?;
        Ok(Self {
            base,
            map: user,
            groups,
            network: Some(network),
        })
    }

    /// Uses the ids of uppers on disk from now on; `map` is a user namespace with them.
    pub(crate) fn use_disk_ids(&mut self, map: OwnedFd) {
        self.base = IdBase::DISK;
        self.map = map;
        self.network = None;
    }

    /// Answers the user namespace that the sandbox can join, unless it needs one of its own: that of uppers on disk is
    /// not for one sandbox alone.
    pub(crate) fn user(&self) -> Option<BorrowedFd<'_>> {
        self.network.as_ref().map(|_| self.map.as_fd())
    }

    /// Answers the network namespace that belongs to it.
    pub(crate) fn network(&self) -> Option<BorrowedFd<'_>> {
        self.network.as_ref().map(AsFd::as_fd)
    }

    /// Answers the ids of the sandbox.
    pub(crate) fn base(&self) -> IdBase {
        self.base
    }

    /// Answers where the control groups are that the program is to see, and their names.
    pub(crate) fn groups(&self) -> &[(PathBuf, PathBuf)] {
        &self.groups
    }

    /// Answers the directory that holds the root file system.
    pub(crate) fn root() -> PathBuf {
        path("root")
    }

    /// Answers where the small file at `index` among a sandbox's is.
    pub(crate) fn file(index: usize) -> PathBuf {
        path("files").join(index.to_string())
    }

    /// Answers the directory for libcontainer's configuration.
    pub(crate) fn bundle() -> PathBuf {
        path("bundle")
    }

    /// Answers the directory for libcontainer's state.
    pub(crate) fn state() -> PathBuf {
        path("state")
    }

    /// Mounts everything that `spec` says.
    pub(crate) fn build(&self, spec: &SandboxSpec) -> Result<(), RootfsError> {
        // Sources are opened before anything is mounted, though the stage hides none of them.
        let binds = self.open_binds(&spec.mounts)?;
        let lowers = self.mount_lowers(&spec.lowers)?;
        overlay::prepare_upper(&spec.upper, self.base).map_err(RootfsError::Upper)?;
        overlay::mount(lowers, &spec.upper).map_err(|source| RootfsError::Overlay {
            lowers: spec.lowers.len(),
            source,
        })?;
        let root = Root::open(&Self::root(), self.base).map_err(|source| RootfsError::Overlay {
            lowers: spec.lowers.len(),
            source,
        })?;
        self.place_all(&root, spec, binds)?;
        for (index, file) in spec.files.iter().enumerate() {
            self.place_file(&root, file, index, (spec.process.uid, spec.process.gid))
                .map_err(|source| RootfsError::File {
                    path: file.path.clone(),
                    source,
                })?;
        }
        let own = match spec.profile {
            // As builders have it: whoever works there may write there.
            Profile::Build => (spec.process.uid, spec.process.gid),
            Profile::Run | Profile::Image => (0, 0),
        };
        let directories = spec.directories.iter().map(|path| (path, (0, 0)));
        for (path, owner) in directories.chain([(&spec.process.cwd, own)]) {
            root.directory_of(path, owner)
                .map_err(|source| RootfsError::Directory {
                    path: path.clone(),
                    source,
                })?;
        }
        Ok(())
    }

    /// Makes appear what the specification says, what is in front of a target before that.
    fn place_all(&self, root: &Root, spec: &SandboxSpec, binds: Vec<Tree>) -> Result<(), RootfsError> {
        let binds = spec.mounts.iter().zip(binds);
        let mut placed: Vec<(&Path, Placed<'_>)> = binds
            .map(|(bind, tree)| (bind.target.as_path(), Placed::Bind(bind, tree)))
            .chain(
                spec.made
                    .iter()
                    .enumerate()
                    .map(|(index, made)| (made.target.as_path(), Placed::Made(index, made))),
            )
            .collect();
        placed.sort_by_key(|(target, _)| *target);
        for (target, what) in placed {
            match what {
                Placed::Bind(bind, tree) => {
                    place_tree(root, &tree, target).map_err(|source| RootfsError::Bind {
                        bind: bind.clone(),
                        source,
                    })?;
                }
                Placed::Made(index, made) => self
                    .make(index, made)
                    .and_then(|tree| place_tree(root, &tree, target))
                    .map_err(|source| RootfsError::Made {
                        target: target.to_owned(),
                        source,
                    })?,
            }
        }
        Ok(())
    }

    fn open_binds(&self, binds: &[Bind]) -> Result<Vec<Tree>, RootfsError> {
        binds
            .iter()
            .map(|bind| {
                Tree::open(&bind.source, self.map.as_fd(), bind.read_only).map_err(|source| {
                    RootfsError::Bind {
                        bind: bind.clone(),
                        source,
                    }
                })
            })
            .collect()
    }

    /// Mounts the lower trees, and answers how many.
    fn mount_lowers(&self, lowers: &[PathBuf]) -> Result<usize, RootfsError> {
        if lowers.is_empty() {
            return Err(RootfsError::NoLower);
        }
        let lowers = without_repeats(lowers);
        for (index, lower) in lowers.iter().enumerate() {
            let place = path(&overlay::lower_name(index));
            Tree::open(lower, self.map.as_fd(), true)
                .and_then(|tree| {
                    fs::create_dir(&place)?;
                    tree.mount_at(&place)
                })
                .map_err(|source| RootfsError::Lower {
                    path: (*lower).clone(),
                    source,
                })?;
        }
        Ok(lowers.len())
    }

    fn place_file(&self, root: &Root, file: &PlacedFile, index: usize, owner: (u32, u32)) -> io::Result<()> {
        use std::os::unix::fs::{PermissionsExt, chown};
        let owner = file.owner.unwrap_or(owner);
        let source = Self::file(index);
        fs::write(&source, &file.contents)?;
        fs::set_permissions(&source, PermissionsExt::from_mode(file.mode & 0o777))?;
        chown(
            &source,
            Some(self.base.outer(owner.0)),
            Some(self.base.outer(owner.1)),
        )?;
        if is_late(file) {
            return Ok(());
        }
        place_tree(root, &Tree::open_unmapped(&source, true)?, &file.path)
    }
}

/// Answers whether a small file appears only once `/dev` is mounted, by libcontainer.
pub(crate) fn is_late(file: &PlacedFile) -> bool {
    file.path.starts_with("/dev")
}

/// Something that appears in a root file system.
enum Placed<'a> {
    Bind(&'a Bind, Tree),
    Made(usize, &'a Made),
}

/// Mounts a control group in the stage, and answers it with its name. The place is a number, since libcontainer takes any
/// mount for a hierarchy that is named like one.
fn keep_group((index, (group, name)): (usize, &(PathBuf, PathBuf))) -> io::Result<(PathBuf, PathBuf)> {
    let place = path("groups").join(index.to_string());
    fs::create_dir(&place)?;
    Tree::open_unmapped(group, true)?.mount_at(&place)?;
    Ok((place, name.clone()))
}

/// Takes the control groups out of sight of libcontainer, which would have the sandbox join some: it already has its own.
/// It takes the empty directory for a host with version 1 and no controllers.
fn hide_groups() -> io::Result<()> {
    match unmount(GROUPS, UnmountFlags::DETACH) {
        // Nothing is mounted on the directory itself.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(mount(
        "coracle",
        GROUPS,
        "tmpfs",
        MountFlags::RDONLY,
        c"mode=0755,size=4k",
    )?)
}

fn path(name: &str) -> PathBuf {
    Path::new(STAGE).join(name)
}

fn place_tree(root: &Root, tree: &Tree, target: &Path) -> io::Result<()> {
    let place = if tree.is_directory()? {
        root.directory(target)?
    } else {
        root.file(target)?
    };
    tree.mount_on(&place)
}
