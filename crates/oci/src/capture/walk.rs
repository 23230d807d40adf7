//! Walking a directory, and adding what is found to a layer.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::xattrs::{Xattrs, strip};
use super::{Attributes, CaptureError, CaptureOptions, Owner, Source, Specials, Whiteouts};
use crate::entry::Metadata;
use crate::layer::LayerWriter;
use crate::path::LayerPath;
use crate::tree::open_beneath;

/// A directory that is being captured.
pub(super) struct Capture<'a> {
    layer: &'a mut LayerWriter,
    options: &'a CaptureOptions<'a>,
    /// The directory that paths below are relative to: what is captured, or what the one captured file is in.
    root: OwnedFd,
    root_path: PathBuf,
    start: Start,
    to: LayerPath,
    /// The directory that was looked into last.
    recent: Option<(LayerPath, Arc<OwnedFd>)>,
    /// The files with several names that were added, by device and inode.
    links: HashMap<(u64, u64), LayerPath>,
}

enum Start {
    Directory,
    File(LayerPath),
}

/// Something in the directory.
struct Found {
    /// Where it is, relative to the root.
    path: LayerPath,
    /// Where it goes.
    to: LayerPath,
    parent: Arc<OwnedFd>,
    name: OsString,
    stat: Stat,
}

impl<'a> Capture<'a> {
    pub(super) fn new(
        layer: &'a mut LayerWriter,
        source: &Path,
        options: &'a CaptureOptions<'a>,
    ) -> Result<Self, CaptureError> {
        let failed = |error| CaptureError::Read {
            path: source.to_owned(),
            source: error,
        };
        let is_directory = fs::symlink_metadata(source).map_err(failed)?.is_dir();
        let (root_path, start) = match (is_directory, source.parent(), source.file_name()) {
            (false, Some(parent), Some(name)) => (parent, Start::File(LayerPath::new(name)?)),
            _ => (source, Start::Directory),
        };
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root_path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let to = LayerPath::new(options.to)?;
        let root_path = root_path.to_owned();
        Ok(Self {
            layer,
            options,
            root,
            root_path,
            start,
            to,
            recent: None,
            links: HashMap::new(),
        })
    }

    pub(super) fn run(mut self) -> Result<(), CaptureError> {
        let mut pending = Vec::new();
        match std::mem::replace(&mut self.start, Start::Directory) {
            Start::File(path) => {
                let found = self.look(path, Some(self.to.clone()))?;
                return self.add(&found, &mut pending);
            }
            Start::Directory => self.add_root(&mut pending)?,
        }
        while let Some(path) = pending.pop() {
            if !(self.options.exclude)(path.as_path()) {
                let found = self.look(path, None)?;
                self.add(&found, &mut pending)?;
            }
        }
        Ok(())
    }

    fn add_root(&mut self, pending: &mut Vec<LayerPath>) -> Result<(), CaptureError> {
        let path = LayerPath::default();
        let directory = self.root.try_clone().map_err(|error| self.failed(&path, error))?;
        let stat = rustix::fs::fstat(&directory).map_err(|error| self.failed(&path, error.into()))?;
        self.add_directory(&path, &self.to.clone(), &Opened { directory, stat }, pending)
    }

    fn look(&mut self, path: LayerPath, to: Option<LayerPath>) -> Result<Found, CaptureError> {
        let name = path.name().unwrap_or_default().to_owned();
        let parent = self.parent(&path).map_err(|error| self.failed(&path, error))?;
        let stat = rustix::fs::statat(&parent, &name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|error| self.failed(&path, error.into()))?;
        let to = match to {
            Some(to) => to,
            None => self.to.join(path.as_path().as_os_str())?,
        };
        Ok(Found {
            path,
            to,
            parent,
            name,
            stat,
        })
    }

    fn parent(&mut self, path: &LayerPath) -> io::Result<Arc<OwnedFd>> {
        let parent = path.parent().unwrap_or_default();
        if let Some((recent, directory)) = &self.recent
            && *recent == parent
        {
            return Ok(Arc::clone(directory));
        }
        let directory = Arc::new(open_beneath(&self.root, &parent)?);
        self.recent = Some((parent, Arc::clone(&directory)));
        Ok(directory)
    }

    fn add(&mut self, found: &Found, pending: &mut Vec<LayerPath>) -> Result<(), CaptureError> {
        match FileType::from_raw_mode(found.stat.st_mode) {
            FileType::Directory => {
                let directory =
                    open_beneath(&self.root, &found.path).map_err(|error| self.failed(&found.path, error))?;
                let opened = Opened {
                    directory,
                    stat: found.stat,
                };
                self.add_directory(&found.path, &found.to, &opened, pending)
            }
            FileType::RegularFile => self.add_file(found),
            FileType::Symlink => self.add_symlink(found),
            FileType::CharacterDevice if found.stat.st_rdev == 0 => self.add_whiteout(found),
            FileType::Socket => self.special(found, "a socket"),
            FileType::Fifo if self.options.specials == Specials::Pipes => {
                let metadata = self.metadata(&found.stat, HashMap::new());
                Ok(self.layer.pipe(found.to.as_path(), &metadata)?)
            }
            FileType::Fifo => self.special(found, "a named pipe"),
            _ => self.special(found, "a device"),
        }
    }

    fn add_directory(
        &mut self,
        path: &LayerPath,
        to: &LayerPath,
        opened: &Opened,
        pending: &mut Vec<LayerPath>,
    ) -> Result<(), CaptureError> {
        let failed = |error| CaptureError::Read {
            path: self.root_path.join(path.as_path()),
            source: error,
        };
        let xattrs = Xattrs::of(&opened.directory).map_err(failed)?;
        let mut names = list(&opened.directory).map_err(failed)?;
        names.sort_unstable_by(|left, right| right.cmp(left));
        for name in names {
            pending.push(path.join(&name)?);
        }
        self.layer
            .directory(to.as_path(), &self.metadata(&opened.stat, xattrs.portable))?;
        if xattrs.is_opaque && self.options.whiteouts == Whiteouts::Translate {
            self.layer.opaque(to.as_path())?;
        }
        Ok(())
    }

    fn add_file(&mut self, found: &Found) -> Result<(), CaptureError> {
        if found.stat.st_nlink > 1
            && let Some(first) = self.links.get(&(found.stat.st_dev, found.stat.st_ino))
        {
            return Ok(self.layer.hard_link(found.to.as_path(), first.as_path())?);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&found.parent, &found.name, flags, Mode::empty());
        let file = opened.map_err(|error| self.failed(&found.path, error.into()))?;
        let xattrs = Xattrs::of(&file).map_err(|error| self.failed(&found.path, error))?;
        let metadata = self.metadata(&found.stat, xattrs.portable);
        let file = fs::File::from_parts(file.into(), self.root_path.join(found.path.as_path()));
        match self.options.source {
            Source::Keep => self
                .layer
                .file(found.to.as_path(), &metadata, size(&found.stat), file)?,
            Source::Consume => {
                strip(&file, &xattrs.foreign).map_err(|error| self.failed(&found.path, error))?;
                let taken = Taken {
                    file,
                    size: size(&found.stat),
                    parent: found.parent.as_fd(),
                    name: &found.name,
                };
                self.layer.take_file(&found.to, &metadata, taken)?;
            }
        }
        if found.stat.st_nlink > 1 {
            self.links
                .insert((found.stat.st_dev, found.stat.st_ino), found.to.clone());
        }
        Ok(())
    }

    fn add_symlink(&mut self, found: &Found) -> Result<(), CaptureError> {
        let target = rustix::fs::readlinkat(&found.parent, &found.name, Vec::new())
            .map_err(|error| self.failed(&found.path, error.into()))?;
        let metadata = Metadata {
            mode: 0o777,
            ..self.metadata(&found.stat, HashMap::new())
        };
        Ok(self.layer.symlink(
            found.to.as_path(),
            OsStr::from_bytes(target.as_bytes()),
            &metadata,
        )?)
    }

    fn add_whiteout(&mut self, found: &Found) -> Result<(), CaptureError> {
        match self.options.whiteouts {
            Whiteouts::Translate => Ok(self.layer.whiteout(found.to.as_path())?),
            Whiteouts::Ignore => Ok(()),
        }
    }

    fn special(&self, found: &Found, kind: &'static str) -> Result<(), CaptureError> {
        match self.options.specials {
            Specials::Skip | Specials::Pipes => Ok(()),
            Specials::Refuse => Err(CaptureError::Special {
                path: self.root_path.join(found.path.as_path()),
                kind,
            }),
        }
    }

    fn metadata(&self, stat: &Stat, xattrs: HashMap<String, Vec<u8>>) -> Metadata {
        let (uid, gid) = match self.options.owner {
            Owner::Same => (stat.st_uid, stat.st_gid),
            Owner::Always { uid, gid } => (uid, gid),
            Owner::Shifted { base } => (shift(stat.st_uid, base), shift(stat.st_gid, base)),
        };
        let xattrs = xattrs.into_iter();
        let xattrs = xattrs
            .filter(|(name, _)| {
                self.options.attributes == Attributes::Portable || name == "security.capability"
            })
            .collect();
        Metadata {
            mode: stat.st_mode & 0o7777,
            uid,
            gid,
            mtime: stat.st_mtime,
            xattrs,
        }
    }

    fn failed(&self, path: &LayerPath, source: io::Error) -> CaptureError {
        CaptureError::Read {
            path: self.root_path.join(path.as_path()),
            source,
        }
    }
}

struct Opened {
    directory: OwnedFd,
    stat: Stat,
}

/// A file that the tree takes over.
pub(crate) struct Taken<'a> {
    pub(crate) file: fs::File,
    pub(crate) size: u64,
    pub(crate) parent: std::os::fd::BorrowedFd<'a>,
    pub(crate) name: &'a OsStr,
}

fn shift(id: u32, base: u32) -> u32 {
    id.checked_sub(base).unwrap_or(id)
}

fn size(stat: &Stat) -> u64 {
    stat.st_size.cast_unsigned()
}

fn list(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    Ok(names)
}
