//! Digests of an author's files, remembered by what `lstat` says of them, so that an unchanged folder costs one
//! `lstat` a file.
//!
//! The rule is that of Git's index ("racy Git"): a file whose times are not clearly older than the moment it was
//! hashed may have been changed again within the clock's grain, so it is hashed again.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use coracle_spec::{Digest, Hasher};
use fs_err as fs;

use crate::error::{Context, StoreError};
use crate::record::{seal, sealed};
use crate::store::Store;

/// How much older than its hashing a file's times must be, in nanoseconds: the coarsest grain in use (FAT, 2 s).
const GRAIN: i64 = 2_000_000_000;
const FORMAT: &[u8] = b"stat 1\n";

/// What is known of the files in one folder.
#[derive(Debug)]
pub struct StatCache {
    store: Store,
    folder: PathBuf,
    file: PathBuf,
    known: BTreeMap<PathBuf, Known>,
    fresh: BTreeMap<PathBuf, Known>,
    hashed: usize,
    clock: fn() -> i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    stamp: Stamp,
    /// When it was hashed, in nanoseconds since 1970.
    hashed_at: i64,
    digest: Digest,
}

/// What changes when a file's contents do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    inode: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    /// Nanoseconds since 1970.
    changed: i64,
}

impl StatCache {
    /// Opens what is known of `folder`: nothing, when it was never saved or cannot be read.
    pub fn open(store: &Store, folder: &Path) -> Result<Self, StoreError> {
        let folder = fs::canonicalize(folder).context("resolve", folder)?;
        let file = store
            .folder("stats")
            .join(Digest::of(folder.as_os_str().as_bytes()).hex());
        let known = match fs::read(&file) {
            Ok(text) => sealed(&text).and_then(decode).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).context("read", &file),
        };
        Ok(Self {
            store: store.clone(),
            folder,
            file,
            known,
            fresh: BTreeMap::new(),
            hashed: 0,
            clock: now,
        })
    }

    /// Answers the digest of the regular file at `path`, relative to the folder.
    pub fn digest(&mut self, path: &Path) -> Result<Digest, StoreError> {
        let absolute = self.folder.join(path);
        let metadata = fs::symlink_metadata(&absolute).context("look at", &absolute)?;
        if let Some(known) = self.known.get(path).filter(|known| known.holds_for(&metadata)) {
            let known = known.clone();
            let digest = known.digest;
            self.fresh.insert(path.to_owned(), known);
            return Ok(digest);
        }
        self.hashed += 1;
        let (digest, known) = hash(&absolute, (self.clock)()).context("read", &absolute)?;
        if let Some(known) = known {
            self.fresh.insert(path.to_owned(), known);
        }
        Ok(digest)
    }

    /// Answers how many files had to be read since it was opened.
    pub fn hashed(&self) -> usize {
        self.hashed
    }

    /// Saves what was asked for since it was opened, and forgets the rest. Writes nothing if nothing changed.
    pub fn save(self) -> Result<(), StoreError> {
        if self.fresh == self.known {
            return Ok(());
        }
        self.store.replace(&self.file, &seal(&encode(&self.fresh)))
    }
}

impl Known {
    fn holds_for(&self, metadata: &std::fs::Metadata) -> bool {
        self.stamp == Stamp::of(metadata) && self.stamp.is_older_than(self.hashed_at)
    }
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            size: metadata.len(),
            inode: metadata.ino(),
            modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn is_older_than(&self, moment: i64) -> bool {
        self.modified.max(self.changed).saturating_add(GRAIN) < moment
    }
}

fn nanos(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Hashes a file; what is known of it is absent when it changed meanwhile.
fn hash(path: &Path, hashed_at: i64) -> io::Result<(Digest, Option<Known>)> {
    let mut file = open(path)?;
    let before = Stamp::of(&file.metadata()?);
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    let digest = hasher.finish();
    let unchanged = Stamp::of(&file.metadata()?) == before;
    Ok((
        digest,
        unchanged.then_some(Known {
            stamp: before,
            hashed_at,
            digest,
        }),
    ))
}

/// Opens without following a symbolic link, and without waiting for the other end of a pipe.
fn open(path: &Path) -> io::Result<fs::File> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    use rustix::fs::OFlags;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

fn encode(known: &BTreeMap<PathBuf, Known>) -> Vec<u8> {
    let mut bytes = FORMAT.to_vec();
    for (path, known) in known {
        let path = path.as_os_str().as_bytes();
        bytes.extend_from_slice(&(path.len() as u64).to_le_bytes());
        bytes.extend_from_slice(path);
        bytes.extend_from_slice(&known.stamp.size.to_le_bytes());
        bytes.extend_from_slice(&known.stamp.inode.to_le_bytes());
        bytes.extend_from_slice(&known.stamp.modified.to_le_bytes());
        bytes.extend_from_slice(&known.stamp.changed.to_le_bytes());
        bytes.extend_from_slice(&known.hashed_at.to_le_bytes());
        bytes.extend_from_slice(known.digest.as_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<BTreeMap<PathBuf, Known>> {
    let mut rest = bytes.strip_prefix(FORMAT)?;
    let mut known = BTreeMap::new();
    while !rest.is_empty() {
        let length = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
        let (path, tail) = rest.split_at_checked(length)?;
        rest = tail;
        let stamp = Stamp {
            size: u64::from_le_bytes(take(&mut rest)?),
            inode: u64::from_le_bytes(take(&mut rest)?),
            modified: i64::from_le_bytes(take(&mut rest)?),
            changed: i64::from_le_bytes(take(&mut rest)?),
        };
        let hashed_at = i64::from_le_bytes(take(&mut rest)?);
        let digest = Digest::from_bytes(take(&mut rest)?);
        let path = PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
        known.insert(
            path,
            Known {
                stamp,
                hashed_at,
                digest,
            },
        );
    }
    Some(known)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder {
        _base: tempfile::TempDir,
        store: Store,
        path: PathBuf,
    }

    impl Folder {
        fn new() -> Self {
            let base = tempfile::tempdir().unwrap();
            let store = Store::open(&base.path().join("store")).unwrap();
            let path = base.path().join("source");
            fs::create_dir(&path).unwrap();
            Self {
                _base: base,
                store,
                path,
            }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.path.join(name), text).unwrap();
        }

        fn at(&self, clock: fn() -> i64) -> StatCache {
            StatCache {
                clock,
                ..StatCache::open(&self.store, &self.path).unwrap()
            }
        }

        /// Asks for `name` and answers its digest and how many files were read for it.
        fn ask(&self, name: &str, clock: fn() -> i64) -> (Digest, usize) {
            let mut cache = self.at(clock);
            let digest = cache.digest(Path::new(name)).unwrap();
            let hashed = cache.hashed();
            cache.save().unwrap();
            (digest, hashed)
        }
    }

    fn in_an_hour() -> i64 {
        now() + 3_600_000_000_000
    }

    #[test]
    fn an_unchanged_file_is_read_once() {
        let folder = Folder::new();
        folder.write("a", "one");
        assert_eq!(folder.ask("a", in_an_hour), (Digest::of("one"), 1));
        assert_eq!(folder.ask("a", in_an_hour), (Digest::of("one"), 0));
    }

    #[test]
    fn a_file_that_was_hashed_right_after_its_change_is_read_again() {
        let folder = Folder::new();
        folder.write("a", "one");
        assert_eq!(folder.ask("a", now), (Digest::of("one"), 1));
        assert_eq!(folder.ask("a", in_an_hour), (Digest::of("one"), 1));
        assert_eq!(folder.ask("a", in_an_hour), (Digest::of("one"), 0));
    }

    #[test]
    fn a_change_of_the_same_length_and_time_is_seen() {
        let folder = Folder::new();
        folder.write("a", "one");
        let metadata = fs::metadata(folder.path.join("a")).unwrap();
        folder.ask("a", in_an_hour);
        folder.write("a", "two");
        let file = fs::File::options()
            .write(true)
            .open(folder.path.join("a"))
            .unwrap();
        file.file().set_modified(metadata.modified().unwrap()).unwrap();
        assert_eq!(folder.ask("a", in_an_hour), (Digest::of("two"), 1));
    }

    #[test]
    fn another_file_under_the_same_name_is_seen() {
        let folder = Folder::new();
        folder.write("a", "one");
        folder.ask("a", in_an_hour);
        folder.write("b", "two");
        fs::rename(folder.path.join("b"), folder.path.join("a")).unwrap();
        assert_eq!(folder.ask("a", in_an_hour).0, Digest::of("two"));
    }

    #[test]
    fn a_torn_cache_is_an_empty_one() {
        let folder = Folder::new();
        folder.write("a", "one");
        folder.ask("a", in_an_hour);
        let file = folder.at(now).file;
        let whole = fs::read(&file).unwrap();
        for length in 0..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            assert!(folder.at(now).known.is_empty(), "{length} bytes");
        }
    }

    #[test]
    fn links_pipes_and_directories_are_not_hashed() {
        let folder = Folder::new();
        std::os::unix::fs::symlink("/etc/passwd", folder.path.join("link")).unwrap();
        fs::create_dir(folder.path.join("directory")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.path.join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        for name in ["link", "directory", "pipe", "missing"] {
            assert!(folder.at(now).digest(Path::new(name)).is_err(), "{name}");
        }
    }
}
