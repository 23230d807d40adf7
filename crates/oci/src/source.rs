//! Unpacking the archive of a source folder that nobody vouches for.
//!
//! It is written beneath its root by the same writer as layers, through `openat2`, so nothing in it leads elsewhere. Of
//! layers' rules none hold: a name that begins with `.wh.` is a name, and owners, times and rights of the archive are
//! not taken over. Only files, directories and links are sources; anything else is refused rather than left out.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use coracle_spec::{ByteSize, Class, Failure};

use crate::bounded::Bounded;
use crate::entry::Metadata;
use crate::path::{InvalidPath, LayerPath};
use crate::tar::{Entry, Kind, Reader, TarError};
use crate::tree::TreeWriter;
use crate::unpack::UnpackLimits;

const BUFFER: usize = 64 << 10;
/// How an archive compressed by gzip begins (RFC 1952 §2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];
/// How an archive compressed by zstd begins (RFC 8878 §3.1.1).
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// How far back a part compressed by zstd may refer, as a power of two: what is held in memory for it. All levels but
/// those that have to be asked for stay below it, and RFC 8878 §3.1.1.1.2 recommends to take no less.
const ZSTD_WINDOW: u32 = 23;

/// Why an archive of sources cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is malformed, or larger than is taken.
    #[error("the source is no archive that can be unpacked")]
    Tar(#[from] TarError),
    /// It cannot be decompressed.
    #[error("the source cannot be decompressed")]
    Decompress(#[source] io::Error),
    /// An entry's path leads elsewhere.
    #[error("the source has an entry that is refused")]
    Path(#[from] InvalidPath),
    /// An entry is neither file nor directory nor symbolic link.
    #[error("the source's entry `{path}` is neither a file, a directory nor a symbolic link")]
    Refused {
        /// The entry.
        path: LayerPath,
    },
    /// A link leads out of what is sent.
    #[error("the source's entry `{path}` is a link that leads out of the source, or to itself")]
    LeadsOut {
        /// The link.
        path: LayerPath,
    },
    /// An entry cannot be written where it says.
    #[error("cannot unpack the source's entry `{path}`")]
    Entry {
        /// The entry.
        path: LayerPath,
        /// What the file system answered.
        source: io::Error,
    },
    /// The place to unpack to cannot be used.
    #[error("cannot write the source")]
    Root(#[source] io::Error),
    /// An entry says that it is larger than the whole source may be.
    #[error("the source's entry `{path}` is larger than {} bytes", limit.bytes())]
    TooLarge {
        /// The entry.
        path: LayerPath,
        /// The most bytes that are taken.
        limit: ByteSize,
    },
    /// It has more entries than are taken.
    #[error("the source has more than {limit} entries")]
    TooMany {
        /// The most that are taken.
        limit: u64,
    },
}

impl Failure for SourceError {
    fn class(&self) -> Class {
        match self {
            Self::Entry { source, .. } if source.kind() == io::ErrorKind::StorageFull => Class::Busy,
            Self::Root(_) => Class::Internal,
            _ => Class::User,
        }
    }
}

/// Unpacks an archive of sources, plain or compressed by gzip or zstd, into the directory `root`, which is empty.
pub fn unpack_source(input: impl Read, root: &Path, limits: &UnpackLimits) -> Result<(), SourceError> {
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
        unpacking.entry(entry)?;
    }
    Ok(())
}

/// Refuses what is too large by its own word, before any of it is read.
pub(crate) fn check_size(entry: &Entry, limits: &UnpackLimits) -> Result<(), SourceError> {
    if entry.size <= limits.bytes.bytes() {
        return Ok(());
    }
    Err(SourceError::TooLarge {
        path: LayerPath::parse(&entry.path)?,
        limit: limits.bytes,
    })
}

pub(crate) fn decompressed<'a>(input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let start = input.fill_buf()?;
    Ok(if start.starts_with(GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(input))
    } else if start.starts_with(ZSTD) {
        let mut decoder = zstd::Decoder::with_buffer(input)?;
        decoder.window_log_max(ZSTD_WINDOW)?;
        Box::new(decoder)
    } else {
        Box::new(input)
    })
}

struct Unpacking<R> {
    archive: Reader<R>,
    tree: TreeWriter,
}

impl<R: Read> Unpacking<R> {
    fn entry(&mut self, entry: Entry) -> Result<(), SourceError> {
        let path = LayerPath::parse(&entry.path)?;
        let written = match entry.kind {
            Kind::Directory if path.is_root() => Ok(()),
            Kind::Directory => self.tree.directory(&path, &own(Metadata::directory())),
            Kind::File => return self.file(&path, entry.metadata.mode),
            Kind::Symlink { target } => self.tree.symlink(&path, &target, &own(Metadata::symlink())),
            _ => return Err(SourceError::Refused { path }),
        };
        written.map_err(|source| SourceError::Entry { path, source })
    }

    fn file(&mut self, path: &LayerPath, mode: u32) -> Result<(), SourceError> {
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
        let mode = if mode & 0o100 == 0 { 0o644 } else { 0o755 };
        file.set_permissions(std::fs::Permissions::from_mode(mode))
            .map_err(failed)
    }
}

/// Answers attributes whose owner is whoever unpacks.
pub(crate) fn own(metadata: Metadata) -> Metadata {
    Metadata {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        ..metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: UnpackLimits = UnpackLimits {
        entries: 3,
        bytes: ByteSize::mebibytes(1),
    };

    /// Makes an archive: names that end with a slash are directories, `NAME -> TARGET` are links, `|NAME` are pipes.
    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = ::tar::Builder::new(Vec::new());
        for (name, contents) in entries {
            let mut header = ::tar::Header::new_ustar();
            let (name, kind) = match name.strip_prefix('|') {
                Some(name) => (name, ::tar::EntryType::Fifo),
                None if contents.starts_with("-> ") => (*name, ::tar::EntryType::Symlink),
                None => (*name, ::tar::EntryType::Regular),
            };
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(kind);
            header.set_mode(0o4755);
            let body = if kind == ::tar::EntryType::Symlink {
                header.set_link_name(&contents[3..]).unwrap();
                ""
            } else {
                contents
            };
            header.set_size(body.len() as u64);
            header.set_cksum();
            archive.append(&header, body.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn unpacked(archive: &[u8]) -> Result<tempfile::TempDir, SourceError> {
        let root = tempfile::tempdir().unwrap();
        unpack_source(archive, root.path(), &SMALL).map(|()| root)
    }

    #[test]
    fn an_archive_is_unpacked_plain_and_compressed_without_its_rights() {
        let plain = archive(&[("a/run.sh", "echo"), (".wh.b", "kept"), ("c", "-> a/run.sh")]);
        let zstd = zstd::encode_all(&plain[..], 1).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        for archive in [plain, zstd, gzip.finish().unwrap()] {
            let root = unpacked(&archive).unwrap();
            assert_eq!(fs_err::read_to_string(root.path().join("c")).unwrap(), "echo");
            assert_eq!(fs_err::read_to_string(root.path().join(".wh.b")).unwrap(), "kept");
            let mode = fs_err::metadata(root.path().join("a/run.sh"))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o7777, 0o755);
        }
    }

    #[test]
    fn what_leads_elsewhere_or_is_no_source_is_refused() {
        let outside = tempfile::tempdir().unwrap();
        let target = format!("-> {}", outside.path().display());
        for entries in [
            &[("../x", "")][..],
            &[("a/../../x", "")],
            &[("|pipe", "")],
            &[("a", &target), ("a/x", "hi")],
            &[("1", ""), ("2", ""), ("3", ""), ("4", "")],
        ] {
            assert!(unpacked(&archive(entries)).is_err(), "{entries:?}");
        }
        assert_eq!(fs_err::read_dir(outside.path()).unwrap().count(), 0);
        let bomb = zstd::encode_all(&archive(&[("big", &"0".repeat(2 << 20))])[..], 1).unwrap();
        assert!(unpacked(&bomb).is_err());
        assert!(unpacked(b"neither tar nor anything").is_err());
    }
}
