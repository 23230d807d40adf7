//! A root file system that a step changes without running anything in it, and what it changed.
//!
//! The kernel's overlay makes the difference: the layers below are its lower trees, what changes is in a scratch
//! directory. The mount is attached nowhere (`fsmount(2)`): no path leads to it, nobody else sees it, and when its last
//! descriptor is closed, however the process ended, it is gone
//! (`docs/decisions/018-overlays-make-a-dockerfiles-layers.md`).

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use coracle_content::{Scratch, Store, StoreError};
use coracle_oci::{
    Attributes, CaptureError, CaptureOptions, Layer, LayerOptions, Owner, Source, Specials,
    layer_from_directory,
};
use coracle_sandbox::without_repeats;
use coracle_spec::{Class, Failure};
use fs_err as fs;
use rustix::fs::{Mode, OFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
};

use crate::files::Root;
use crate::steps::layer_options;

/// Every change must be a plain file, folder or whiteout, since a layer is taken by reading them.
const PLAIN: [(&CStr, &CStr); 4] = [
    (c"index", c"off"),
    (c"metacopy", c"off"),
    (c"redirect_dir", c"off"),
    (c"xino", c"off"),
];

/// Why a root file system cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// The kernel refused.
    #[error("cannot mount an overlay of {lowers} layers")]
    Overlay {
        /// How many trees it was to have.
        lowers: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// The store refused.
    #[error("cannot use the store")]
    Store(#[from] StoreError),
    /// What changed cannot be made into a layer.
    #[error("cannot capture what the step changed")]
    Capture(#[from] CaptureError),
}

impl Failure for GroundError {
    fn class(&self) -> Class {
        match self {
            Self::Overlay { .. } => Class::Internal,
            Self::Store(error) => error.class(),
            Self::Capture(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Overlay { .. } => Some(
                "the kernel must be 6.8 or newer and have overlayfs, and the data directory must not be on an overlay itself"
                    .to_owned(),
            ),
            Self::Store(error) => error.hint(),
            Self::Capture(error) => error.hint(),
        }
    }
}

/// A root file system that may be changed.
pub(crate) struct Ground {
    pub(crate) root: Root,
    scratch: Scratch,
}

impl Ground {
    /// Lays `lowers`, trees of layers from the lowest, and lets changes be made above them.
    pub(crate) fn over(store: &Store, lowers: &[PathBuf]) -> Result<Self, GroundError> {
        let scratch = store.scratch()?;
        let made = prepare(scratch.path(), lowers)
            .and_then(|()| mount(&below(lowers, scratch.path()), Some(scratch.path())));
        let root = made.map_err(|source| failed(lowers, source))?;
        Ok(Self {
            root: Root::of(root),
            scratch,
        })
    }

    /// Makes a layer of what changed.
    pub(crate) fn capture(self, store: &Store) -> Result<Layer, GroundError> {
        let Self { root, scratch } = self;
        // What the kernel still holds back of the changes is there once nothing is mounted.
        drop(root);
        let options = CaptureOptions {
            owner: Owner::Same,
            source: Source::Consume,
            specials: Specials::Pipes,
            attributes: Attributes::Capabilities,
            ..CaptureOptions::default()
        };
        let layer = layer_from_directory(
            store,
            &times_as_they_are(),
            &scratch.path().join("upper"),
            &options,
        )?;
        Ok(layer)
    }
}

/// How a layer is written whose times were set by the step.
pub(crate) fn times_as_they_are() -> LayerOptions {
    LayerOptions {
        epoch: i64::MAX,
        ..layer_options()
    }
}

/// A root file system that is only looked at.
pub(crate) struct View {
    pub(crate) root: Root,
    _empty: Option<Scratch>,
}

impl View {
    /// Lays `lowers`, trees of layers from the lowest. None of them is an empty root.
    pub(crate) fn of(store: &Store, lowers: &[PathBuf]) -> Result<Self, GroundError> {
        let failed = |source| failed(lowers, source);
        Ok(match without_repeats(lowers).as_slice() {
            [] => {
                let empty = store.scratch()?;
                Self {
                    root: Root::open(empty.path()).map_err(failed)?,
                    _empty: Some(empty),
                }
            }
            [only] => Self {
                root: Root::open(only).map_err(failed)?,
                _empty: None,
            },
            _ => Self {
                root: Root::of(mount(lowers, None).map_err(failed)?),
                _empty: None,
            },
        })
    }
}

fn failed(lowers: &[PathBuf], source: io::Error) -> GroundError {
    GroundError::Overlay {
        lowers: lowers.len(),
        source,
    }
}

/// Makes the directories that an overlay changes, and the empty one that stands for nothing below.
fn prepare(scratch: &Path, lowers: &[PathBuf]) -> io::Result<()> {
    fs::create_dir(scratch.join("upper"))?;
    fs::set_permissions(scratch.join("upper"), std::fs::Permissions::from_mode(0o755))?;
    fs::create_dir(scratch.join("work"))?;
    if lowers.is_empty() {
        fs::create_dir(scratch.join("empty"))?;
    }
    Ok(())
}

fn below(lowers: &[PathBuf], scratch: &Path) -> Vec<PathBuf> {
    match lowers {
        [] => vec![scratch.join("empty")],
        lowers => lowers.to_vec(),
    }
}

/// Mounts an overlay and answers its top. Paths are given by descriptor, so that none is too long for an option.
fn mount(lowers: &[PathBuf], changes: Option<&Path>) -> io::Result<OwnedFd> {
    let overlay = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for lower in without_repeats(lowers).into_iter().rev() {
        let lower = open(lower)?;
        fsconfig_set_string(&overlay, "lowerdir+", by_descriptor(&lower))?;
    }
    if let Some(changes) = changes {
        for (key, name) in [("upperdir", "upper"), ("workdir", "work")] {
            let directory = open(&changes.join(name))?;
            fsconfig_set_string(&overlay, key, by_descriptor(&directory))?;
        }
        rustix::mount::fsconfig_set_flag(&overlay, "volatile")?;
    }
    for (key, value) in PLAIN {
        fsconfig_set_string(&overlay, key, value)?;
    }
    fsconfig_create(&overlay)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOSUID;
    Ok(fsmount(&overlay, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

fn by_descriptor(directory: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", directory.as_raw_fd())
}
