//! Unpacking the archive that a build context is sent in: some of its top-level names, everything else ignored.
//!
//! Where it differs from the archive of a source folder: hard links are files too, since archivers make them of
//! whatever has two names; modes stay, since `COPY` shows them; and a symbolic link may only lead to what is beside it,
//! which holds for each link by itself: `..` is taken at a target's beginning only, where no other link lies before it.

use std::ffi::OsStr;
use std::io::{Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use crate::bounded::Bounded;
use crate::entry::Metadata;
use crate::path::LayerPath;
use crate::source::{SourceError, check_size, decompressed, own};
use crate::tar::{Entry, Kind, Reader, TarError};
use crate::tree::{TreeWriter, finish_file};
use crate::unpack::UnpackLimits;

const BUFFER: usize = 64 << 10;
/// The bits of a mode that are rights, without set-user-id, set-group-id and the sticky bit.
const RIGHTS: u32 = 0o777;
/// What the owner may always do with a directory: else it could be neither read nor removed.
const OWNERS: u32 = 0o700;

/// Unpacks what lies beneath `names` at the top of an archive, plain or compressed by gzip or zstd, into the directory
/// `root`, which is empty. Owners, times and set-id bits of the archive are not taken over.
///
/// An entry that leads elsewhere is an error even if nothing is taken of it; on an error, the caller removes `root`.
pub fn unpack_context(
    input: impl Read,
    root: &Path,
    names: &[&str],
    limits: &UnpackLimits,
) -> Result<(), SourceError> {
    let input = decompressed(input).map_err(SourceError::Decompress)?;
    let mut unpacking = Unpacking {
        archive: Reader::new(Bounded::new(input, limits.bytes)),
        tree: TreeWriter::new(root).map_err(SourceError::Root)?,
    };
    let mut entries = 0;
    while let Some(entry) = unpacking.archive.next()? {
        entries += 1;
        if entries > limits.entries {
            return Err(SourceError::TooMany {
                limit: limits.entries,
            });
        }
        check_size(&entry, limits)?;
        unpacking.entry(entry, names)?;
    }
    Ok(())
}

struct Unpacking<R> {
    archive: Reader<R>,
    tree: TreeWriter,
}

impl<R: Read> Unpacking<R> {
    fn entry(&mut self, entry: Entry, names: &[&str]) -> Result<(), SourceError> {
        let path = LayerPath::parse(&entry.path)?;
        if !names.iter().any(|name| top(&path) == Some(OsStr::new(name))) {
            return Ok(());
        }
        let rights = entry.metadata.mode & RIGHTS;
        match entry.kind {
            Kind::Directory => {
                let written = self.tree.directory(&path, &with(rights | OWNERS));
                written.map_err(|source| SourceError::Entry { path, source })
            }
            Kind::File => self.file(&path, &with(rights)),
            Kind::Symlink { target } => self.symlink(path, &target),
            Kind::HardLink { target } => self.hard_link(path, &LayerPath::parse(&target)?),
            _ => Err(SourceError::Refused { path }),
        }
    }

    fn file(&mut self, path: &LayerPath, metadata: &Metadata) -> Result<(), SourceError> {
        let failed = |source| SourceError::Entry {
            path: path.clone(),
            source,
        };
        let mut file = self.tree.file(path).map_err(failed)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            match self.archive.read(&mut buffer).map_err(TarError::Read)? {
                0 => break,
                count => file.write_all(&buffer[..count]).map_err(failed)?,
            }
        }
        finish_file(&file, metadata).map_err(failed)
    }

    fn symlink(&mut self, path: LayerPath, target: &[u8]) -> Result<(), SourceError> {
        if !stays(&path, Path::new(OsStr::from_bytes(target))) {
            return Err(SourceError::LeadsOut { path });
        }
        let written = self.tree.symlink(&path, target, &own(Metadata::symlink()));
        written.map_err(|source| SourceError::Entry { path, source })
    }

    fn hard_link(&mut self, path: LayerPath, target: &LayerPath) -> Result<(), SourceError> {
        if top(&path) != top(target) || path == *target {
            return Err(SourceError::LeadsOut { path });
        }
        let written = self.tree.hard_link(&path, target);
        written.map_err(|source| SourceError::Entry { path, source })
    }
}

/// Answers attributes of a file or a directory with these rights.
fn with(mode: u32) -> Metadata {
    own(Metadata::with_mode(mode))
}

fn top(path: &LayerPath) -> Option<&OsStr> {
    path.as_path().iter().next()
}

/// Answers whether a link at `path` leads to something beneath the same top-level name, whatever other links there are.
fn stays(path: &LayerPath, target: &Path) -> bool {
    let depth = path.as_path().iter().count();
    let mut up = 0;
    let mut parts = target
        .components()
        .skip_while(|part| *part == Component::CurDir)
        .peekable();
    while parts.next_if_eq(&Component::ParentDir).is_some() {
        up += 1;
    }
    // The link itself is one part; the top-level name is another, and stays.
    depth >= 2 + up && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests;
