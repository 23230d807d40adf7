//! Unpacking a layer that nobody vouches for.

use std::io::{self, Read, Write};

use coracle_content::{Store, StoreError, Tree};
use coracle_spec::{ByteSize, Class, Digest, FREE_SPACE, Failure};

use crate::bounded::Bounded;
use crate::compression::{HashingReader, decoder};
use crate::layer::{Layer, StagedWriter};
use crate::path::{InvalidPath, LayerPath};
use crate::tar::{Entry, Kind, Reader, TarError};
use crate::tree::finish_file;
use crate::witness;

const BUFFER: usize = 128 << 10;

/// What unpacking takes from an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnpackPolicy {
    /// How much it takes.
    pub limits: UnpackLimits,
    /// What becomes of devices.
    pub devices: Devices,
    /// What becomes of rights that a program carries.
    pub set_id: SetId,
}

/// How much unpacking takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// The most entries.
    pub entries: u64,
    /// The most bytes, decompressed.
    pub bytes: ByteSize,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            bytes: ByteSize::mebibytes(32 << 10),
        }
    }
}

/// What becomes of character and block devices in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Devices {
    /// They are left out: a sandbox has its own `/dev`.
    #[default]
    Skip,
    /// They are an error.
    Refuse,
}

/// What becomes of set-user-id and set-group-id bits and file capabilities in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SetId {
    /// They stay. The store is closed to everybody else, and in a sandbox they are worth what the sandbox allows.
    #[default]
    Keep,
    /// They are taken off.
    Strip,
}

/// Why a layer cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The store refused, or lacks the blob.
    #[error("cannot unpack the layer into the store")]
    Store(#[from] StoreError),
    /// The archive is malformed.
    #[error("the layer is no archive that can be unpacked")]
    Tar(#[from] TarError),
    /// An entry's path leads elsewhere.
    #[error("the layer has an entry that is refused")]
    Path(#[from] InvalidPath),
    /// An entry is something that is not taken.
    #[error("the layer's entry `{path}` is refused: {reason}")]
    Refused {
        /// The entry.
        path: LayerPath,
        /// Why.
        reason: &'static str,
    },
    /// An entry cannot be written where it says.
    #[error("cannot unpack the layer's entry `{path}`")]
    Entry {
        /// The entry.
        path: LayerPath,
        /// What the file system answered.
        source: io::Error,
    },
    /// It has more entries than are taken.
    #[error("the layer has more than {limit} entries")]
    TooMany {
        /// The most that are taken.
        limit: u64,
    },
    /// It is not what its image says.
    #[error("the layer's contents have digest `{found}`, its image says `{expected}`")]
    Mismatch {
        /// The `diff_id` in the image's configuration.
        expected: Digest,
        /// The digest of the decompressed bytes.
        found: Digest,
    },
}

impl Failure for UnpackError {
    fn class(&self) -> Class {
        match self {
            Self::Store(source) => source.class(),
            Self::Entry { source, .. } if source.kind() == io::ErrorKind::StorageFull => Class::Busy,
            _ => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(source) => source.hint(),
            Self::Entry { .. } if self.class() == Class::Busy => Some(FREE_SPACE.to_owned()),
            _ => None,
        }
    }
}

/// Answers the unpacked tree of `layer`, unpacking it if the store has none.
pub fn unpack(store: &Store, layer: &Layer) -> Result<Tree, UnpackError> {
    unpack_with(store, layer, &UnpackPolicy::default())
}

/// Answers the unpacked tree of `layer`, unpacking it by `policy` if the store has none. When several processes
/// ask at once, one does it.
pub fn unpack_with(store: &Store, layer: &Layer, policy: &UnpackPolicy) -> Result<Tree, UnpackError> {
    if let Some(tree) = unpacked(store, layer, policy)? {
        return Ok(tree);
    }
    let _guard = store.lock("unpack", &layer.diff_id)?;
    if let Some(tree) = unpacked(store, layer, policy)? {
        return Ok(tree);
    }
    let blob = store.existing_blob(&layer.digest)?;
    let input = Bounded::new(decoder(&blob, layer.compression)?, policy.limits.bytes);
    let mut unpacking = Unpacking {
        archive: Reader::new(HashingReader::new(input)),
        tree: StagedWriter::new(store)?,
        policy,
        entries: 0,
    };
    unpacking.entries()?;
    let tree = unpacking.finish(&layer.diff_id)?;
    witness::note(store, layer)?;
    Ok(tree)
}

/// Answers the tree that the store has, if it is one of this layer's blob.
fn unpacked(store: &Store, layer: &Layer, policy: &UnpackPolicy) -> Result<Option<Tree>, UnpackError> {
    let tree = store.tree(&layer.diff_id)?;
    if tree.is_some() {
        witness::check(store, layer, policy.limits.bytes)?;
    }
    Ok(tree)
}

struct Unpacking<'a, R> {
    archive: Reader<R>,
    tree: StagedWriter,
    policy: &'a UnpackPolicy,
    entries: u64,
}

impl<R: Read> Unpacking<'_, HashingReader<R>> {
    fn entries(&mut self) -> Result<(), UnpackError> {
        while let Some(entry) = self.archive.next()? {
            self.entries += 1;
            if self.entries > self.policy.limits.entries {
                return Err(UnpackError::TooMany {
                    limit: self.policy.limits.entries,
                });
            }
            self.entry(entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, mut entry: Entry) -> Result<(), UnpackError> {
        let path = LayerPath::parse(&entry.path)?;
        if self.policy.set_id == SetId::Strip {
            entry.metadata.mode &= 0o1777;
            entry.metadata.xattrs.remove("security.capability");
        }
        match marker(&path)? {
            Marker::None => self.plain(&path, entry),
            Marker::Skip => Ok(()),
            Marker::Whiteout(hidden) => self.write(&hidden, |tree| tree.whiteout(&hidden)),
            Marker::Opaque(directory) => self.write(&directory, |tree| tree.opaque(&directory)),
        }
    }

    fn plain(&mut self, path: &LayerPath, entry: Entry) -> Result<(), UnpackError> {
        let metadata = entry.metadata;
        if path.is_root() && entry.kind != Kind::Directory {
            return Err(refused(path, "it would replace the root directory"));
        }
        match entry.kind {
            Kind::Directory => self.write(path, |tree| tree.directory(path, &metadata)),
            Kind::File => self.file(path, &metadata, entry.size),
            Kind::Symlink { target } if !is_link_target(&target) => Err(refused(
                path,
                "its target is empty, too long or contains a zero byte",
            )),
            Kind::Symlink { target } => self.write(path, |tree| tree.symlink(path, &target, &metadata)),
            Kind::HardLink { target } => self.hard_link(path, &target),
            Kind::Pipe => self.write(path, |tree| tree.pipe(path, &metadata)),
            Kind::Character { .. } | Kind::Block { .. } => match self.policy.devices {
                Devices::Skip => Ok(()),
                Devices::Refuse => Err(refused(path, "it is a device")),
            },
        }
    }

    fn file(&mut self, path: &LayerPath, metadata: &crate::Metadata, size: u64) -> Result<(), UnpackError> {
        let failed = |source| UnpackError::Entry {
            path: path.clone(),
            source,
        };
        let mut file = self.tree.writer.file(path).map_err(failed)?;
        let mut buffer = vec![0; usize::try_from(size).unwrap_or(BUFFER).clamp(1, BUFFER)];
        loop {
            match self.archive.read(&mut buffer).map_err(TarError::Read)? {
                0 => break,
                count => file.write_all(&buffer[..count]).map_err(failed)?,
            }
        }
        finish_file(&file, metadata).map_err(failed)
    }

    fn hard_link(&mut self, path: &LayerPath, target: &[u8]) -> Result<(), UnpackError> {
        let target = LayerPath::parse(target)?;
        if target == *path {
            return Err(refused(path, "it is a hard link to itself"));
        }
        self.write(path, |tree| tree.hard_link(path, &target))
    }

    fn write(
        &mut self,
        path: &LayerPath,
        act: impl FnOnce(&mut crate::tree::TreeWriter) -> io::Result<()>,
    ) -> Result<(), UnpackError> {
        act(&mut self.tree.writer).map_err(|source| UnpackError::Entry {
            path: path.clone(),
            source,
        })
    }

    /// Reads what follows the archive's end, which its digest covers, and checks the digest.
    fn finish(self, expected: &Digest) -> Result<Tree, UnpackError> {
        let mut input = self.archive.into_inner();
        io::copy(&mut input, &mut io::sink()).map_err(TarError::Read)?;
        let found = input.finish();
        if found != *expected {
            return Err(UnpackError::Mismatch {
                expected: *expected,
                found,
            });
        }
        Ok(self.tree.commit(expected)?)
    }
}

/// What a name with the reserved prefix stands for (image-spec, layer.md, "Whiteouts").
enum Marker {
    None,
    Skip,
    Whiteout(LayerPath),
    Opaque(LayerPath),
}

fn marker(path: &LayerPath) -> Result<Marker, UnpackError> {
    use std::os::unix::ffi::OsStrExt;
    let parent = path.parent().unwrap_or_default();
    let reserved = |name: &[u8]| name.starts_with(b".wh.");
    let mut above = parent.as_path().iter().map(OsStrExt::as_bytes);
    // `.wh..wh.plnk` and its like are notes of aufs to itself.
    if above.clone().any(|name| name.starts_with(b".wh..wh.")) {
        return Ok(Marker::Skip);
    }
    if above.any(reserved) {
        return Err(refused(
            path,
            "it lies in a directory with the reserved name `.wh.…`",
        ));
    }
    match path.name().map(OsStrExt::as_bytes) {
        Some(b".wh..wh..opq") => Ok(Marker::Opaque(parent)),
        Some(name) if name.starts_with(b".wh..wh.") => Ok(Marker::Skip),
        Some(name) if reserved(name) => match &name[4..] {
            b"" | b"." | b".." => Err(refused(path, "it hides nothing that has a name")),
            hidden => Ok(Marker::Whiteout(
                parent.join(std::ffi::OsStr::from_bytes(hidden))?,
            )),
        },
        _ => Ok(Marker::None),
    }
}

fn is_link_target(target: &[u8]) -> bool {
    (1..4096).contains(&target.len()) && !target.contains(&0)
}

fn refused(path: &LayerPath, reason: &'static str) -> UnpackError {
    UnpackError::Refused {
        path: path.clone(),
        reason,
    }
}

#[cfg(test)]
mod tests;
