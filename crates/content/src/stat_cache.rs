//! Digests of an author's files, remembered by what `lstat` says of them, so that an unchanged folder costs one
//! `lstat` a file.
//!
//! The rule is that of Git's index ("racy Git"): a file whose times are not clearly older than the moment it was
//! hashed may have been changed again within the clock's grain, so it is hashed again.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use coracle_spec::{Digest, Hasher};
use fs_err as fs;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

use crate::error::{Context, StoreError};
use crate::record::{seal, sealed};
use crate::store::Store;
use crate::touch;

/// How much older than its hashing a file's times must be, in nanoseconds: the coarsest grain in use (FAT, 2 s).
const GRAIN: i64 = 2_000_000_000;
const FORMAT: &[u8] = b"stat 1\n";
const BUFFER: usize = 64 << 10;

/// What is known of the files in one folder.
#[derive(Debug)]
pub struct StatCache {
    store: Store,
    path: PathBuf,
    folder: OwnedFd,
    file: PathBuf,
    /// By the bytes of the path: comparing those is many times as fast as comparing paths part by part.
    known: HashMap<Vec<u8>, Known>,
    is_changed: bool,
    hashed: usize,
    clock: fn() -> i64,
}

#[derive(Debug, Clone)]
struct Known {
    stamp: Stamp,
    /// When it was hashed, in nanoseconds since 1970.
    hashed_at: i64,
    digest: Digest,
    /// Whether it was asked for since the cache was opened.
    is_asked: bool,
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
        let path = fs::canonicalize(folder).context("resolve", folder)?;
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&path, flags, Mode::empty()).context("open", &path)?;
        let file = store
            .folder("stats")
            .join(Digest::of(path.as_os_str().as_bytes()).hex());
        let known = match fs::read(&file) {
            Ok(text) => {
                touch::used_at(&file);
                sealed(&text).and_then(decode).unwrap_or_default()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(error).context("read", &file),
        };
        let store = store.clone();
        Ok(Self {
            store,
            path,
            folder,
            file,
            known,
            is_changed: false,
            hashed: 0,
            clock: now,
        })
    }

    /// Answers the digest of the regular file at `path`, relative to the folder.
    pub fn digest(&mut self, path: &Path) -> Result<Digest, StoreError> {
        let stat = rustix::fs::statat(&self.folder, path, AtFlags::SYMLINK_NOFOLLOW);
        let stamp = Stamp::of(&stat.context("look at", &self.path.join(path))?);
        match self.known.get_mut(path.as_os_str().as_bytes()) {
            Some(known) if known.holds_for(stamp) => {
                known.is_asked = true;
                Ok(known.digest)
            }
            _ => self.hash(path),
        }
    }

    /// Answers the digest of `file`, which was opened at `path`, if it is known without reading it.
    ///
    /// Asked before and after a copy, it says whether what was copied is what was hashed.
    pub fn known(&self, path: &Path, file: impl AsFd) -> Option<Digest> {
        let stamp = Stamp::of(&rustix::fs::fstat(file).ok()?);
        let known = self.known.get(path.as_os_str().as_bytes())?;
        known.holds_for(stamp).then_some(known.digest)
    }

    /// Answers how many files had to be read since it was opened.
    pub fn hashed(&self) -> usize {
        self.hashed
    }

    /// Saves what was asked for since it was opened, and forgets the rest. Writes nothing if nothing changed.
    pub fn save(mut self) -> Result<(), StoreError> {
        let before = self.known.len();
        self.known.retain(|_, known| known.is_asked);
        if !self.is_changed && self.known.len() == before {
            return Ok(());
        }
        self.store.replace(&self.file, &seal(&encode(&self.known)))
    }

    fn hash(&mut self, path: &Path) -> Result<Digest, StoreError> {
        self.hashed += 1;
        self.is_changed = true;
        let hashed = hash(&self.folder, path, (self.clock)());
        let (digest, known) = hashed.context("read", &self.path.join(path))?;
        let key = path.as_os_str().as_bytes();
        match known {
            Some(known) => self.known.insert(key.to_vec(), known),
            None => self.known.remove(key),
        };
        Ok(digest)
    }
}

impl Known {
    fn holds_for(&self, stamp: Stamp) -> bool {
        self.stamp == stamp && stamp.is_older_than(self.hashed_at)
    }
}

impl Stamp {
    fn of(stat: &Stat) -> Self {
        Self {
            size: stat.st_size.cast_unsigned(),
            inode: stat.st_ino,
            modified: nanos(stat.st_mtime, stat.st_mtime_nsec),
            changed: nanos(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    fn is_older_than(&self, moment: i64) -> bool {
        self.modified.max(self.changed).saturating_add(GRAIN) < moment
    }
}

fn nanos(seconds: i64, nanos: u64) -> i64 {
    let nanos = i64::try_from(nanos).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Hashes a file; what is known of it is absent when it changed meanwhile.
fn hash(folder: &OwnedFd, path: &Path, hashed_at: i64) -> io::Result<(Digest, Option<Known>)> {
    let mut file = open(folder, path)?;
    let stamp = Stamp::of(&rustix::fs::fstat(&file)?);
    let mut hasher = Hasher::default();
    let size = usize::try_from(stamp.size).unwrap_or(BUFFER);
    let mut buffer = vec![0; size.saturating_add(1).min(BUFFER)];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    let digest = hasher.finish();
    let is_unchanged = Stamp::of(&rustix::fs::fstat(&file)?) == stamp;
    Ok((
        digest,
        is_unchanged.then_some(Known {
            stamp,
            hashed_at,
            digest,
            is_asked: true,
        }),
    ))
}

/// Opens without following a symbolic link, and without waiting for the other end of a pipe.
fn open(folder: &OwnedFd, path: &Path) -> io::Result<fs::File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, path, flags, Mode::empty())?;
    let is_file = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) == FileType::RegularFile;
    if is_file {
        Ok(fs::File::from_parts(file.into(), path))
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

fn encode(known: &HashMap<Vec<u8>, Known>) -> Vec<u8> {
    let mut bytes = FORMAT.to_vec();
    for (path, known) in known {
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

fn decode(bytes: &[u8]) -> Option<HashMap<Vec<u8>, Known>> {
    let mut rest = bytes.strip_prefix(FORMAT)?;
    let mut known = HashMap::new();
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
        known.insert(
            path.to_vec(),
            Known {
                stamp,
                hashed_at,
                digest,
                is_asked: false,
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
    fn an_open_file_is_known_until_it_changes() {
        let folder = Folder::new();
        folder.write("a", "one");
        let (path, file) = (Path::new("a"), fs::File::open(folder.path.join("a")).unwrap());
        assert_eq!(folder.at(now).known(path, &file), None, "it was never hashed");
        folder.ask("a", in_an_hour);
        assert_eq!(folder.at(now).known(path, &file), Some(Digest::of("one")));
        folder.write("b", "one");
        let other = fs::File::open(folder.path.join("b")).unwrap();
        assert_eq!(folder.at(now).known(path, &other), None, "it is another file");
        folder.write("a", "longer");
        assert_eq!(folder.at(now).known(path, &file), None);
    }

    #[test]
    fn what_is_not_asked_for_is_forgotten() {
        let folder = Folder::new();
        folder.write("a", "one");
        folder.write("b", "two");
        let mut both = folder.at(in_an_hour);
        both.digest(Path::new("a")).unwrap();
        both.digest(Path::new("b")).unwrap();
        both.save().unwrap();
        assert_eq!(folder.ask("a", in_an_hour).1, 0);
        assert_eq!(folder.at(now).known.keys().collect::<Vec<_>>(), [b"a"]);
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
