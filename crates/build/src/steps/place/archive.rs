//! Local archives that `ADD` unpacks: tar, plain or compressed by gzip, bzip2, xz or zstd, told by how they begin.
//!
//! As engines do, owners, modes and times are the archive's (`--chown` overrides the owner, `--chmod` does not apply),
//! and what is in the way of an entry goes, unless both are folders. A hard link's header speaks for the file. Nobody
//! vouches for what is in them: each path is resolved beneath the root, and `..` leads nowhere from the destination.

use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use coracle_oci::Metadata;
use coracle_oci::tar::{Entry, Kind, Reader};
use coracle_plan::patterns::clean;
use fs_err as fs;
use rustix::fs::{AtFlags, FileType, Mode};

use super::copier::Copier;
use super::error::PlaceError;
use super::sources::{From, existing};
use crate::files::{Files as _, NodeKind, resolve};

const BUFFER: usize = 64 << 10;
/// The most entries of one archive.
const MOST_ENTRIES: u64 = 1_000_000;
/// The most that one archive unpacks to, in bytes.
const MOST_BYTES: u64 = 32 << 30;

const GZIP: &[u8] = &[0x1f, 0x8b];
const BZIP2: &[u8] = b"BZh";
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

type Archive = Reader<io::Take<Box<dyn Read>>>;

impl Copier<'_> {
    /// Unpacks what is at `source` to the folder `to`, if it is an archive; answers whether it is.
    pub(super) fn unpack(&mut self, from: &From, source: &Path, to: &str) -> Result<bool, PlaceError> {
        let files = from.files();
        let path = existing(files, source)?;
        if files.node(&path)?.is_none_or(|node| node.kind != NodeKind::File) {
            return Ok(false);
        }
        let Some(first) = open(from.open(&path)?).and_then(|mut archive| archive.next().ok().flatten())
        else {
            return Ok(false);
        };
        drop(first);
        if let Some(expected) = from.expected(&path) {
            let mut hasher = coracle_spec::Hasher::default();
            io::copy(&mut from.open(&path)?.file(), &mut hasher)?;
            if hasher.finish() != expected {
                return Err(PlaceError::Changed(path));
            }
        }
        let target = resolve(self.to, Path::new(&clean(to)))?;
        self.make_folders(&target, 0o755)?;
        let Some(archive) = open(from.open(&path)?) else {
            return Ok(false);
        };
        self.entries(archive, &path, &target)?;
        Ok(true)
    }

    fn entries(&mut self, mut archive: Archive, path: &Path, target: &Path) -> Result<(), PlaceError> {
        let failed = |source| PlaceError::Archive {
            path: path.to_owned(),
            source,
        };
        let mut count = 0;
        while let Some(entry) = archive.next().map_err(failed)? {
            if self.cancel.is_cancelled() {
                return Err(PlaceError::Cancelled);
            }
            count += 1;
            if count > MOST_ENTRIES {
                return Err(refused(&entry, "there are too many"));
            }
            self.entry(&mut archive, &entry, target)?;
        }
        Ok(())
    }

    fn entry(&mut self, archive: &mut Archive, entry: &Entry, target: &Path) -> Result<(), PlaceError> {
        let Some(inner) = inner(&entry.path) else {
            return Ok(());
        };
        let parent = target.join(inner.parent().unwrap_or(Path::new("")));
        let parent = resolve(self.to, &parent).map_err(PlaceError::at(&parent))?;
        self.make_folders(&parent, 0o755)?;
        let path = parent.join(inner.file_name().unwrap_or_default());
        let stands = self.make_way(&path, &entry.kind)?;
        match &entry.kind {
            Kind::Directory if stands => {}
            Kind::Directory => {
                let (folder, name) = self.to.place(&path).map_err(PlaceError::at(&path))?;
                let mode = Mode::from_raw_mode(0o700);
                rustix::fs::mkdirat(&folder, name, mode)
                    .map_err(io::Error::from)
                    .map_err(PlaceError::at(&path))?;
            }
            Kind::File => {
                let mut file = self.create(&path).map_err(PlaceError::at(&path))?;
                io::copy(archive, &mut file).map_err(PlaceError::at(&path))?;
            }
            Kind::Symlink { target } => {
                let made = self
                    .to
                    .place(&path)
                    .and_then(|(folder, name)| Ok(rustix::fs::symlinkat(target.as_slice(), &folder, name)?));
                made.map_err(PlaceError::at(&path))?;
            }
            Kind::HardLink { target: first } => {
                let first = self::inner(first);
                let first = resolve(self.to, &target.join(first.unwrap_or_default()))?;
                self.link(&first, &path).map_err(PlaceError::at(&path))?;
            }
            Kind::Pipe => {
                let made = self.to.place(&path).and_then(|(folder, name)| {
                    let mode = Mode::from_raw_mode(0o600);
                    Ok(rustix::fs::mknodat(&folder, name, FileType::Fifo, mode, 0)?)
                });
                made.map_err(PlaceError::at(&path))?;
            }
            // No layer holds a device.
            Kind::Character { .. } | Kind::Block { .. } => return Ok(()),
        }
        self.attributes(&path, entry).map_err(PlaceError::at(&path))
    }

    /// Takes out of the way what an entry replaces; answers whether the entry is a folder that is there already.
    fn make_way(&mut self, path: &Path, kind: &Kind) -> Result<bool, PlaceError> {
        match self.to.node(path).map_err(PlaceError::at(path))? {
            Some(node) if node.is_folder() && *kind == Kind::Directory => return Ok(true),
            Some(node) if node.is_folder() => self.remove_folder(path)?,
            _ => self.clear(path)?,
        }
        self.touch_parent(path);
        Ok(false)
    }

    fn remove_folder(&mut self, path: &Path) -> Result<(), PlaceError> {
        let mut pending = vec![path.to_owned()];
        let mut folders = Vec::new();
        while let Some(folder) = pending.pop() {
            for name in self.to.names(&folder).map_err(PlaceError::at(&folder))? {
                let child = folder.join(name);
                match self.to.node(&child).map_err(PlaceError::at(&child))? {
                    Some(node) if node.is_folder() => pending.push(child),
                    _ => self.clear(&child)?,
                }
            }
            folders.push(folder);
        }
        for folder in folders.iter().rev() {
            self.times.remove(folder);
            let removed = self
                .to
                .place(folder)
                .and_then(|(parent, name)| Ok(rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR)?));
            removed.map_err(PlaceError::at(folder))?;
        }
        self.to.forget_recent();
        Ok(())
    }

    fn attributes(&mut self, path: &Path, entry: &Entry) -> io::Result<()> {
        let Metadata {
            mode,
            uid,
            gid,
            mtime,
            ..
        } = entry.metadata;
        let is_link = matches!(entry.kind, Kind::Symlink { .. });
        self.own(path, self.owner.unwrap_or((uid, gid)), (!is_link).then_some(mode))?;
        if entry.kind == Kind::Directory {
            self.times.insert(path.to_owned(), mtime);
            return Ok(());
        }
        self.set_time(path, mtime)
    }
}

/// Answers an entry's path beneath the destination, which `..` does not lead out of; nothing for the destination itself.
fn inner(path: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    let mut inner = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => inner.push(name),
            Component::ParentDir => drop(inner.pop()),
            _ => {}
        }
    }
    (!inner.as_os_str().is_empty()).then_some(inner)
}

fn refused(entry: &Entry, reason: &'static str) -> PlaceError {
    PlaceError::Entry {
        entry: String::from_utf8_lossy(&entry.path).into_owned(),
        reason,
    }
}

/// Opens an archive by how it begins; nothing when its compression is none.
fn open(file: fs::File) -> Option<Archive> {
    let mut input = BufReader::with_capacity(BUFFER, file);
    let start = input.fill_buf().ok()?;
    let input: Box<dyn Read> = if start.starts_with(GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(input))
    } else if start.starts_with(BZIP2) {
        Box::new(bzip2::bufread::MultiBzDecoder::new(input))
    } else if start.starts_with(XZ) {
        Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(input))
    } else if start.starts_with(ZSTD) {
        Box::new(zstd::Decoder::with_buffer(input).ok()?)
    } else {
        Box::new(input)
    };
    Some(Reader::new(input.take(MOST_BYTES)))
}
