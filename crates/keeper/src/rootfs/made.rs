//! File systems that are made for one sandbox, in the stage: layered trees, and memory.

use std::fmt::Write as _;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use coracle_sandbox::{Made, MadeKind, without_repeats};
use coracle_spec::ByteSize;
use fs_err as fs;
use rustix::mount::MountFlags;

use super::overlay::{self, Changes};
use super::target::Root;
use super::tree::Tree;
use super::{Stage, path};

impl Stage {
    /// Makes the file system at `index` among those of the sandbox, ready to be mounted.
    pub(super) fn make(&self, index: usize, made: &Made) -> io::Result<Tree> {
        let place = format!("m{index}");
        fs::create_dir(path(&place))?;
        match &made.kind {
            MadeKind::Memory { size } => self.memory(&place, *size),
            MadeKind::Layered {
                lowers,
                path: inside,
                changes,
            } => {
                self.layers(&place, lowers, changes.as_deref())?;
                let root = Root::open(&path(&place), self.base)?;
                Tree::of_place(&root.existing(inside)?, changes.is_none())
            }
        }
    }

    fn memory(&self, place: &str, size: Option<ByteSize>) -> io::Result<Tree> {
        let owner = self.base.outer(0);
        let mut options = format!("mode=1777,uid={owner},gid={owner}");
        if let Some(size) = size {
            let _ = write!(options, ",size={}", size.bytes());
        }
        let options = std::ffi::CString::new(options)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount("tmpfs", path(place), "tmpfs", flags, options.as_c_str())?;
        Tree::open_unmapped(&path(place), false)
    }

    /// Mounts `lowers` over each other, and what changes above them, if anything may.
    fn layers(&self, place: &str, lowers: &[PathBuf], changes: Option<&Path>) -> io::Result<()> {
        let lowers = without_repeats(lowers);
        if let ([only], None) = (lowers.as_slice(), changes) {
            return Tree::open(only, self.map.as_fd(), true)?.mount_at(&path(place));
        }
        let mut names = Vec::new();
        for (number, lower) in lowers.iter().enumerate() {
            let name = format!("{place}-{number}");
            fs::create_dir(path(&name))?;
            Tree::open(lower, self.map.as_fd(), true)?.mount_at(&path(&name))?;
            names.push(name);
        }
        match changes {
            None => overlay::mount_at(place, &names, Changes::None),
            Some(directory) => {
                overlay::prepare(directory, self.base)?;
                overlay::mount_at(place, &names, Changes::OnDisk(directory))
            }
        }
    }
}
