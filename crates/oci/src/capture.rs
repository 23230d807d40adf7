//! Taking a layer from a directory: above all what a step left in an overlay's upper directory.
//!
//! Such a directory has other owners than the layer (a user namespace shifted them), overlayfs' own marks for what
//! is hidden, and file capabilities bound to the namespace. All of that is translated on the way. The files
//! themselves need no copy: the tree takes them over by hard links, and they get the layer's owners and times.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coracle_content::Store;
use coracle_spec::{Class, Failure};
use fs_err as fs;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, XattrFlags};
use rustix::io::Errno;

use crate::entry::Metadata;
use crate::layer::{Layer, LayerError, LayerOptions, LayerWriter, write_layer};
use crate::path::{InvalidPath, LayerPath};
use crate::tree::{is_portable, open_beneath};

/// What of a directory becomes part of a layer, and how.
#[derive(Clone, Copy)]
pub struct CaptureOptions<'a> {
    /// Where in the layer the directory's contents go.
    pub to: &'a Path,
    /// Who owns the entries.
    pub owner: Owner,
    /// Whether the directory is needed afterwards.
    pub source: Source,
    /// What becomes of overlayfs' marks for what is hidden.
    pub whiteouts: Whiteouts,
    /// What becomes of sockets, devices and named pipes.
    pub specials: Specials,
    /// Answers whether a path, relative to the directory, is left out with everything below it.
    pub exclude: &'a dyn Fn(&Path) -> bool,
}

impl Default for CaptureOptions<'_> {
    fn default() -> Self {
        Self {
            to: Path::new(""),
            owner: Owner::Same,
            source: Source::Keep,
            whiteouts: Whiteouts::Translate,
            specials: Specials::Skip,
            exclude: &|_| false,
        }
    }
}

/// Who owns a captured entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Whoever owns it in the directory.
    Same,
    /// These ids, whoever owns it in the directory.
    Always {
        /// The user id.
        uid: u32,
        /// The group id.
        gid: u32,
    },
    /// The id less `base`: what a user namespace shifted, shifted back. Ids below `base` stay.
    Shifted {
        /// The first id of the namespace's range.
        base: u32,
    },
}

/// Whether a captured directory is needed afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It stays as it is; the tree gets copies.
    Keep,
    /// It is of no further use: its files become the tree's, with the layer's owners and times.
    Consume,
}

/// What becomes of overlayfs' whiteouts and opaque directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whiteouts {
    /// They become the layer's.
    Translate,
    /// They are left out: where the contents go, nothing lies below.
    Ignore,
}

/// What becomes of sockets, devices and named pipes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specials {
    /// They are left out.
    Skip,
    /// Named pipes become the layer's, what cannot be in one is left out.
    Pipes,
    /// They are an error.
    Refuse,
}

/// Why a directory cannot be captured.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The layer cannot be written.
    #[error("cannot write the layer")]
    Layer(#[from] LayerError),
    /// A path is too long for a layer.
    #[error("the directory has an unusable path")]
    Path(#[from] InvalidPath),
    /// Something in the directory cannot be read.
    #[error("cannot capture `{path}`")]
    Read {
        /// What it is.
        path: PathBuf,
        /// What the file system answered.
        source: io::Error,
    },
    /// Something is there that no layer holds.
    #[error("`{path}` is {kind}, which cannot be in a layer")]
    Special {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
}

impl Failure for CaptureError {
    fn class(&self) -> Class {
        match self {
            Self::Layer(source) => source.class(),
            Self::Path(_) | Self::Special { .. } => Class::User,
            Self::Read { .. } => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Layer(source) => source.hint(),
            _ => None,
        }
    }
}

/// Writes a layer of what is in `directory`.
pub fn layer_from_directory(
    store: &Store,
    options: &LayerOptions,
    directory: &Path,
    capture: &CaptureOptions<'_>,
) -> Result<Layer, CaptureError> {
    write_layer(store, options, |layer| layer.capture(directory, capture))
}

impl LayerWriter {
    /// Adds `source`, a directory with everything in it or a single file, in the order of its names.
    ///
    /// Directories that the layer has already stay as they are there.
    pub fn capture(&mut self, source: &Path, options: &CaptureOptions<'_>) -> Result<(), CaptureError> {
        Capture::new(self, source, options)?.run()
    }
}

struct Capture<'a> {
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
    fn new(
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

    fn run(mut self) -> Result<(), CaptureError> {
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
        let xattrs = xattrs.into_iter().collect();
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

/// The extended attributes of a file, sorted by what becomes of them.
#[derive(Default)]
struct Xattrs {
    portable: HashMap<String, Vec<u8>>,
    foreign: Vec<String>,
    is_opaque: bool,
}

impl Xattrs {
    fn of(file: &OwnedFd) -> io::Result<Self> {
        let mut xattrs = Self::default();
        for name in names(file)? {
            if is_portable(&name) {
                let value = value(file, &name)?;
                let value = if name == "security.capability" {
                    unbound(&value)
                } else {
                    value
                };
                xattrs.portable.insert(name, value);
            } else {
                let is_mark = name == "trusted.overlay.opaque" || name == "user.overlay.opaque";
                xattrs.is_opaque |= is_mark && value(file, &name)? == b"y";
                xattrs.foreign.push(name);
            }
        }
        Ok(xattrs)
    }
}

/// Copies the extended attributes that mean the same on every machine from one open file or directory to another.
/// Those that the file system of `to` has no room for are left out.
pub fn copy_xattrs(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    for name in names(from)?.into_iter().filter(|name| is_portable(name)) {
        let value = value(from, &name)?;
        match rustix::fs::fsetxattr(to, name.as_str(), &value, XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP) => {}
            result => result?,
        }
    }
    Ok(())
}

fn names(file: impl AsFd) -> io::Result<Vec<String>> {
    let mut buffer = vec![0; 1024];
    loop {
        match rustix::fs::flistxattr(&file, &mut buffer) {
            Ok(count) => return Ok(split(&buffer[..count])),
            Err(Errno::RANGE) if buffer.len() < 1 << 17 => buffer.resize(buffer.len() * 4, 0),
            Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn split(names: &[u8]) -> Vec<String> {
    names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

fn value(file: impl AsFd, name: &str) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 256];
    loop {
        match rustix::fs::fgetxattr(&file, name, &mut buffer) {
            Ok(count) => {
                buffer.truncate(count);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() < 1 << 17 => buffer.resize(buffer.len() * 4, 0),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes the user namespace off file capabilities: revision 3 with a root id becomes revision 2 without
/// (`linux/capability.h`, `struct vfs_ns_cap_data`).
fn unbound(value: &[u8]) -> Vec<u8> {
    const REVISION_2: u8 = 2;
    const REVISION_3: u8 = 3;
    let mut value = value.to_vec();
    if value.len() == 24 && value[3] == REVISION_3 {
        value.truncate(20);
        value[3] = REVISION_2;
    }
    value
}

/// Takes attributes off that have no place in a layer.
fn strip(file: &fs::File, names: &[String]) -> io::Result<()> {
    for name in names {
        match rustix::fs::fremovexattr(file, name.as_str()) {
            // A security module's label cannot be taken off, and says nothing about the layer.
            Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::NODATA) => {}
            result => result?,
        }
    }
    Ok(())
}
