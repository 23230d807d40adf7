//! A source folder on disk, as the compiler and the steps see it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use coracle_content::{StatCache, Store, StoreError};
use coracle_plan::ignore::is_always_ignored;
use coracle_plan::{Entry, Kind, ReadFailed, Source};
use coracle_spec::{Class, Digest, Failure};
use fs_err as fs;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use std::os::unix::fs::PermissionsExt as _;

/// The most files and links of one source folder.
const MOST_ENTRIES: usize = 200_000;

/// The largest file that the compiler reads: lock files, configuration, an application's main file.
const MOST_READ: u64 = 64 << 20;

/// A source folder on disk: what is in it, and what each file hashes to.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    entries: Vec<Entry>,
    digests: RefCell<StatCache>,
}

/// Why a source folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The path names no folder.
    #[error("`{0}` is not a folder")]
    NotAFolder(PathBuf),
    /// A part of it cannot be read.
    #[error("cannot read the source folder")]
    Read(#[source] io::Error),
    /// A file's name is no text, so that no image could hold it under the same name everywhere.
    #[error("the name of `{0}` is not UTF-8")]
    Name(PathBuf),
    /// It holds more files than a function's source does.
    #[error("`{0}` holds more than {MOST_ENTRIES} files")]
    TooMany(PathBuf),
    /// What is known of its files cannot be read or kept.
    #[error("cannot remember the digests of the source's files")]
    Remember(#[source] StoreError),
}

impl Failure for FolderError {
    fn class(&self) -> Class {
        match self {
            Self::Remember(error) => error.class(),
            Self::NotAFolder(_) | Self::Read(_) | Self::Name(_) | Self::TooMany(_) => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotAFolder(_) => Some("name the folder that holds the function's source".to_owned()),
            Self::Name(_) => Some("rename the file".to_owned()),
            Self::TooMany(_) => Some("name the function's own folder, not one above it".to_owned()),
            Self::Remember(error) => error.hint(),
            Self::Read(_) => None,
        }
    }
}

impl Folder {
    /// Lists the folder at `path`; reads no file yet.
    pub fn open(store: &Store, path: &Path) -> Result<Self, FolderError> {
        let path = fs::canonicalize(path).map_err(|_| FolderError::NotAFolder(path.to_owned()))?;
        if !path.is_dir() {
            return Err(FolderError::NotAFolder(path));
        }
        let mut entries = Vec::new();
        list(&path, "", &mut entries)?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let digests = RefCell::new(StatCache::open(store, &path).map_err(FolderError::Remember)?);
        Ok(Self {
            path,
            entries,
            digests,
        })
    }

    /// Answers where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks `paths` up and hashes those whose digests are not known.
    ///
    /// # Errors
    /// When a file vanished since the folder was listed, or cannot be read.
    pub fn contents<'a>(&self, paths: impl IntoIterator<Item = &'a String>) -> Result<Contents, FolderError> {
        paths
            .into_iter()
            .map(|path| Ok((path.clone(), self.content(path)?)))
            .collect()
    }

    /// Keeps the digests for the next build of the folder.
    pub fn remember(self) -> Result<(), FolderError> {
        self.digests.into_inner().save().map_err(FolderError::Remember)
    }

    fn content(&self, path: &str) -> Result<(Kind, Digest), FolderError> {
        let kind = self.kind(path);
        let digest = match kind {
            Kind::Link => {
                let target = fs::read_link(self.path.join(path)).map_err(FolderError::Read)?;
                Digest::of(target.as_os_str().as_encoded_bytes())
            }
            Kind::File | Kind::Executable => self
                .digests
                .borrow_mut()
                .digest(Path::new(path))
                .map_err(FolderError::Remember)?,
        };
        Ok((kind, digest))
    }

    fn kind(&self, path: &str) -> Kind {
        let found = self
            .entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path));
        found.map_or(Kind::File, |index| self.entries[index].kind)
    }
}

/// What files of a source are and hash to, by their paths: what a step's key is made of.
pub type Contents = BTreeMap<String, (Kind, Digest)>;

impl Source for Folder {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadFailed> {
        if !self.contains(path) {
            return Ok(None);
        }
        match read(&self.path, path) {
            Ok(bytes) => Ok(Some(bytes)),
            // A link that leads nowhere, as some editors mark a file that is open.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ReadFailed {
                path: path.to_owned(),
                source: error.into(),
            }),
        }
    }
}

/// Reads the file at `path` beneath `folder` without waiting for the other end of a pipe. Links are followed as far
/// as they stay in the folder: what lies outside is not the author's source, and no image would hold it.
fn read(folder: &Path, path: &str) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let top = fs::File::open(folder)?;
    let opened = openat2(&top, path, flags, Mode::empty(), ResolveFlags::BENEATH);
    let file = opened.map_err(|error| match error {
        Errno::XDEV => io::Error::other("it is a link that leads out of the source folder"),
        error => error.into(),
    })?;
    let mut bytes = Vec::new();
    std::fs::File::from(file)
        .take(MOST_READ + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_READ {
        return Err(io::Error::other(format!(
            "it is larger than {} MiB",
            MOST_READ >> 20
        )));
    }
    Ok(bytes)
}

/// Adds what is beneath `folder`, whose path from the top is `prefix`, to `entries`. Links are not followed.
fn list(folder: &Path, prefix: &str, entries: &mut Vec<Entry>) -> Result<(), FolderError> {
    for child in fs::read_dir(folder).map_err(FolderError::Read)? {
        let child = child.map_err(FolderError::Read)?;
        let name = child.file_name();
        let name = name.to_str().ok_or_else(|| FolderError::Name(child.path()))?;
        if is_always_ignored(name) {
            continue;
        }
        let path = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}/{name}")
        };
        let metadata = child.metadata().map_err(FolderError::Read)?;
        if metadata.is_dir() {
            list(&child.path(), &path, entries)?;
        } else if let Some(kind) = kind_of(&metadata) {
            entries.push(Entry {
                path,
                kind,
                size: metadata.len(),
            });
        }
        if entries.len() > MOST_ENTRIES {
            return Err(FolderError::TooMany(folder.to_owned()));
        }
    }
    Ok(())
}

/// Answers what an image would hold; nothing for sockets, pipes and devices.
fn kind_of(metadata: &std::fs::Metadata) -> Option<Kind> {
    let executable = metadata.permissions().mode() & 0o100 != 0;
    match () {
        () if metadata.is_symlink() => Some(Kind::Link),
        () if metadata.is_file() && executable => Some(Kind::Executable),
        () if metadata.is_file() => Some(Kind::File),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn store(root: &tempfile::TempDir) -> Store {
        Store::open(&root.path().join("store")).unwrap()
    }

    #[test]
    fn a_folder_lists_files_and_links_sorted_without_what_is_always_ignored() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("source");
        for folder in ["b", ".git", "node_modules/x"] {
            fs::create_dir_all(source.join(folder)).unwrap();
        }
        for file in ["b/main.py", "b.py", ".git/HEAD", "node_modules/x/index.js"] {
            fs::write(source.join(file), file).unwrap();
        }
        symlink("b.py", source.join("a.py")).unwrap();
        let folder = Folder::open(&store(&root), &source).unwrap();
        let paths: Vec<_> = folder
            .entries()
            .iter()
            .map(|entry| (entry.path.as_str(), entry.kind))
            .collect();
        assert_eq!(
            paths,
            [
                ("a.py", Kind::Link),
                ("b.py", Kind::File),
                ("b/main.py", Kind::File)
            ]
        );
        assert_eq!(folder.read("b.py").unwrap().unwrap(), b"b.py");
        assert!(folder.read("missing.py").unwrap().is_none());
    }

    #[test]
    fn links_are_read_as_far_as_they_stay_in_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("source");
        fs::create_dir_all(source.join("b")).unwrap();
        fs::write(root.path().join("outside.py"), "not yours").unwrap();
        fs::write(source.join("b/main.py"), "yours").unwrap();
        for (link, target) in [
            ("inside.py", "b/main.py"),
            ("b/up.py", "../b/main.py"),
            ("nowhere.py", "gone.py"),
            ("leaves.py", "../outside.py"),
            ("absolute.py", "/etc/passwd"),
        ] {
            symlink(target, source.join(link)).unwrap();
        }
        let folder = Folder::open(&store(&root), &source).unwrap();
        for path in ["inside.py", "b/up.py"] {
            assert_eq!(folder.read(path).unwrap().unwrap(), b"yours", "{path}");
        }
        assert!(folder.read("nowhere.py").unwrap().is_none());
        for path in ["leaves.py", "absolute.py"] {
            let error = folder.read(path).unwrap_err();
            assert!(
                error.source.to_string().contains("out of the source folder"),
                "{path}: {error:?}"
            );
        }
    }

    #[test]
    fn contents_follow_the_files_and_not_where_the_folder_lies() {
        let root = tempfile::tempdir().unwrap();
        let contents = |name: &str, text: &str| {
            let source = root.path().join(name);
            fs::create_dir_all(&source).unwrap();
            fs::write(source.join("main.py"), text).unwrap();
            Folder::open(&store(&root), &source)
                .unwrap()
                .contents(&["main.py".to_owned()])
                .unwrap()
        };
        assert_eq!(contents("one", "x"), contents("two", "x"));
        assert_ne!(contents("one", "x"), contents("one", "y"));
    }

    #[test]
    fn a_file_and_a_missing_path_are_no_folders() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        for path in ["file", "missing"] {
            let error = Folder::open(&store(&root), &root.path().join(path)).unwrap_err();
            assert!(matches!(error, FolderError::NotAFolder(_)), "{path}: {error:?}");
        }
    }
}
