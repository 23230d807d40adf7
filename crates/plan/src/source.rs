//! The source tree as the compiler sees it.

use std::collections::BTreeMap;

use serde::Serialize;

/// A source folder: what is in it, and what the files say.
///
/// On disk it is the folder that the author named; in a test it is a [`MemorySource`]; in a build request it is
/// an unpacked archive. An implementation leaves out what [`crate::ignore::is_always_ignored`] names.
pub trait Source {
    /// Answers every file and symbolic link of the tree, sorted by path.
    fn entries(&self) -> &[Entry];

    /// Answers the contents of the file at `path`, and nothing when there is no such file.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadFailed>;

    /// Answers whether there is a file or link at `path`.
    fn contains(&self, path: &str) -> bool {
        self.entries()
            .binary_search_by(|entry| entry.path.as_str().cmp(path))
            .is_ok()
    }
}

/// A file or a symbolic link of a source tree. Directories are implied by what is in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The path from the folder's top, with `/` between its parts and none at either end.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// The size in bytes of a file's contents; of a link, of its target.
    pub size: u64,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A regular file that nobody may execute.
    File,
    /// A regular file that its owner may execute.
    Executable,
    /// A symbolic link.
    Link,
}

/// A file of the source tree that is there could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}`")]
pub struct ReadFailed {
    /// The path from the folder's top.
    pub path: String,
    /// Why not.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A source tree held in memory: for tests, and for anything small that never was on disk.
#[derive(Debug, Clone, Default)]
pub struct MemorySource {
    entries: Vec<Entry>,
    contents: BTreeMap<String, Vec<u8>>,
}

impl MemorySource {
    /// Adds a file, replacing what was at `path`.
    #[must_use]
    pub fn with(mut self, path: &str, contents: impl Into<Vec<u8>>) -> Self {
        self.contents.insert(path.to_owned(), contents.into());
        self.entries = self
            .contents
            .iter()
            .map(|(path, contents)| entry(path, contents))
            .collect();
        self
    }

    /// Lets the file at `path` be executed. Files that are added later forget it.
    #[must_use]
    pub fn executable(mut self, path: &str) -> Self {
        for entry in self.entries.iter_mut().filter(|entry| entry.path == path) {
            entry.kind = Kind::Executable;
        }
        self
    }
}

fn entry(path: &str, contents: &[u8]) -> Entry {
    Entry {
        path: path.to_owned(),
        kind: Kind::File,
        size: contents.len() as u64,
    }
}

impl Source for MemorySource {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadFailed> {
        Ok(self.contents.get(path).cloned())
    }
}

impl<P: AsRef<str>, C: Into<Vec<u8>>> FromIterator<(P, C)> for MemorySource {
    fn from_iter<T: IntoIterator<Item = (P, C)>>(files: T) -> Self {
        files
            .into_iter()
            .fold(Self::default(), |source, (path, contents)| {
                source.with(path.as_ref(), contents)
            })
    }
}
