//! A directory tree in the making, filled by several threads and never left.
//!
//! The kernel opens every directory by the rule "beneath the root, through no symbolic link" (`openat2(2)`), so
//! that a package cannot write elsewhere whatever its paths and links say.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use coracle_oci::{LayerPath, Metadata};
use fs_err as fs;
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, chownat, fchmod, fchown, fstat, futimens, linkat,
    mkdirat, openat, openat2, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The root of a tree in the making.
#[derive(Debug)]
pub(crate) struct Root {
    directory: OwnedFd,
}

/// The attributes that the directories of a tree shall have; those not named here are root's, with mode 0755.
pub(crate) type Directories = BTreeMap<LayerPath, Metadata>;

impl Root {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            directory: rustix::fs::open(path, DIRECTORY, Mode::empty())?,
        })
    }

    /// Answers what writes to the tree from one thread.
    pub(crate) fn writer(&self) -> Writer<'_> {
        Writer {
            root: self,
            recent: None,
        }
    }

    /// Answers whether there is something at `path`, be it a dangling link.
    pub(crate) fn contains(&self, path: &LayerPath) -> bool {
        self.kind(path).is_some()
    }

    /// Answers the names of the entries of a directory, sorted; none when it is missing.
    pub(crate) fn list(&self, path: &LayerPath) -> io::Result<Vec<LayerPath>> {
        let directory = match self.directory(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            directory => directory?,
        };
        let mut entries = Vec::new();
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            let name = std::os::unix::ffi::OsStrExt::from_bytes(entry.file_name().to_bytes());
            if name != OsStr::new(".") && name != OsStr::new("..") {
                entries.push(path.join(name).map_err(io::Error::other)?);
            }
        }
        entries.sort();
        Ok(entries)
    }

    /// Reads a file of at most `limit` bytes; `None` when there is no file at `path`.
    pub(crate) fn read(&self, path: &LayerPath, limit: u64) -> io::Result<Option<Vec<u8>>> {
        if self.kind(path) != Some(FileType::RegularFile) {
            return Ok(None);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(self.parent(path)?, name(path)?, flags, Mode::empty())?;
        let mut bytes = Vec::new();
        let file = fs::File::from_parts(file.into(), path.as_path());
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Gives every directory its attributes; called last, since each entry made in a directory changes its time.
    /// A directory that is in the tree below too keeps the attributes it has there, as it would when installed.
    pub(crate) fn finish(&self, directories: &Directories, below: Option<&Self>) -> io::Result<()> {
        let mut pending = vec![LayerPath::default()];
        while let Some(path) = pending.pop() {
            for entry in self.list(&path)? {
                if self.kind(&entry) == Some(FileType::Directory) {
                    pending.push(entry);
                }
            }
            let metadata = below
                .and_then(|below| below.attributes(&path))
                .or_else(|| directories.get(&path).cloned())
                .unwrap_or_else(Metadata::directory);
            apply(&self.directory(&path)?, &metadata)?;
        }
        Ok(())
    }

    /// Answers the attributes of a directory, if there is one at `path`.
    fn attributes(&self, path: &LayerPath) -> Option<Metadata> {
        let stat = fstat(self.directory(path).ok()?).ok()?;
        Some(Metadata {
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: stat.st_mtime,
            ..Metadata::with_mode(stat.st_mode & 0o7777)
        })
    }

    fn kind(&self, path: &LayerPath) -> Option<FileType> {
        let parent = self.parent(path).ok()?;
        let stat = statat(parent, name(path).ok()?, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(FileType::from_raw_mode(stat.st_mode))
    }

    fn parent(&self, path: &LayerPath) -> io::Result<OwnedFd> {
        self.directory(&path.parent().unwrap_or_default())
    }

    fn directory(&self, path: &LayerPath) -> io::Result<OwnedFd> {
        if path.is_root() {
            return self.directory.try_clone();
        }
        let rule = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        Ok(openat2(
            &self.directory,
            path.as_path(),
            DIRECTORY,
            Mode::empty(),
            rule,
        )?)
    }
}

/// Writes to a tree from one thread; directories on the way are made as needed.
pub(crate) struct Writer<'r> {
    root: &'r Root,
    /// The directory that the last entry was in.
    recent: Option<(LayerPath, OwnedFd)>,
}

impl Writer<'_> {
    /// Makes a directory if it is missing.
    pub(crate) fn directory(&mut self, path: &LayerPath) -> io::Result<()> {
        if path.is_root() {
            return Ok(());
        }
        let (parent, name) = self.place(path)?;
        match mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => self.root.directory(path).map(drop),
            result => Ok(result?),
        }
    }

    /// Writes a file, in the place of what is there.
    pub(crate) fn file(
        &mut self,
        path: &LayerPath,
        metadata: &Metadata,
        contents: &mut dyn Read,
    ) -> io::Result<u64> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = self.create(path, |parent, name| {
            openat(parent, name, flags, Mode::RUSR | Mode::WUSR)
        })?;
        let mut file = fs::File::from_parts(file.into(), path.as_path());
        let size = copy(contents, &mut file)?;
        apply(&file, metadata)?;
        Ok(size)
    }

    /// Makes a symbolic link, in the place of what is there.
    pub(crate) fn symlink(
        &mut self,
        path: &LayerPath,
        target: impl AsRef<OsStr>,
        metadata: &Metadata,
    ) -> io::Result<()> {
        let target = target.as_ref();
        self.create(path, |parent, name| symlinkat(target, parent, name))?;
        let (parent, name) = self.place(path)?;
        let (uid, gid) = metadata.owner();
        chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(utimensat(
            parent,
            name,
            &metadata.times(),
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    }

    /// Gives the file at `target` another name, in the place of what is there.
    pub(crate) fn hard_link(&mut self, path: &LayerPath, target: &LayerPath) -> io::Result<()> {
        let from = self.root.parent(target)?;
        let target = name(target)?;
        self.create(path, |parent, name| {
            linkat(&from, target, parent, name, AtFlags::empty())
        })
    }

    /// Removes a directory if there is one and nothing is in it.
    pub(crate) fn remove_empty_directory(&mut self, path: &LayerPath) -> io::Result<()> {
        let (parent, name) = self.place(path)?;
        match unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            result => Ok(result?),
        }
    }

    fn create<T>(
        &mut self,
        path: &LayerPath,
        make: impl Fn(&OwnedFd, &OsStr) -> Result<T, Errno>,
    ) -> io::Result<T> {
        let (parent, name) = self.place(path)?;
        match make(parent, name) {
            Err(Errno::EXIST) => {
                unlinkat(parent, name, AtFlags::empty())?;
                Ok(make(parent, name)?)
            }
            result => Ok(result?),
        }
    }

    /// Answers the directory that `path` is in, made if it is missing, and the name in it.
    fn place<'a>(&mut self, path: &'a LayerPath) -> io::Result<(&OwnedFd, &'a OsStr)> {
        let name = name(path)?;
        let parent = path.parent().unwrap_or_default();
        if self.recent.as_ref().is_none_or(|(recent, _)| *recent != parent) {
            let directory = match self.root.directory(&parent) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.directory(&parent)?;
                    self.root.directory(&parent)?
                }
                directory => directory?,
            };
            self.recent = Some((parent, directory));
        }
        let (_, directory) = self.recent.as_ref().ok_or(Errno::NOENT)?;
        Ok((directory, name))
    }
}

fn name(path: &LayerPath) -> io::Result<&OsStr> {
    path.name().ok_or_else(|| Errno::ISDIR.into())
}

fn copy(from: &mut dyn Read, to: &mut fs::File) -> io::Result<u64> {
    use io::Write;
    let mut buffer = vec![0; 128 << 10];
    let mut size = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(size);
        }
        to.write_all(&buffer[..count])?;
        size += count as u64;
    }
}

/// Sets the owner, then the mode, which setting the owner resets in part, then the time.
fn apply(file: &impl std::os::fd::AsFd, metadata: &Metadata) -> io::Result<()> {
    let (uid, gid) = metadata.owner();
    fchown(file, Some(uid), Some(gid))?;
    fchmod(file, Mode::from_raw_mode(metadata.mode & 0o7777))?;
    Ok(futimens(file, &metadata.times())?)
}
