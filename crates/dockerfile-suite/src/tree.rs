//! A file tree as layers on top of each other make it (image-spec, layer.md).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// A tree of files, by their paths without a slash at either end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    entries: BTreeMap<String, Entry>,
    /// How many files were made, which numbers the next.
    files: usize,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Paths with the same number are one file.
    pub(crate) file: usize,
    pub(crate) kind: Kind,
    /// Permissions with the set-id and sticky bits.
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    /// Extended attributes, except those that have columns of their own.
    pub(crate) attributes: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    File(Contents),
    Folder,
    Link(String),
    Pipe,
    /// A device: `c` or `b`, its numbers.
    Device(char, u32, u32),
}

/// A file's contents: themselves when they are few, else their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contents {
    Text(String),
    Digest { size: u64, digest: String },
}

impl Entry {
    /// A folder that a layer needs and does not mention.
    fn implied() -> Self {
        Self {
            file: 0,
            kind: Kind::Folder,
            mode: 0o755,
            owner: (0, 0),
            attributes: BTreeMap::new(),
        }
    }
}

impl Tree {
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// Puts a new file at `path`. A folder over a folder keeps what is in it.
    pub(crate) fn put(&mut self, path: &str, entry: Entry) {
        if !matches!(entry.kind, Kind::Folder) {
            self.remove_within(path);
        }
        self.imply_parents(path);
        self.files += 1;
        let file = self.files;
        self.entries.insert(path.to_owned(), Entry { file, ..entry });
    }

    /// Gives the file at `target` another name; answers whether there is one.
    pub(crate) fn link(&mut self, path: &str, target: &str) -> bool {
        let Some(entry) = self.entries.get(target).cloned() else {
            return false;
        };
        self.remove_within(path);
        self.imply_parents(path);
        self.entries.insert(path.to_owned(), entry);
        true
    }

    /// Removes what is at `path` and within it.
    pub(crate) fn remove(&mut self, path: &str) {
        self.entries.remove(path);
        self.remove_within(path);
    }

    /// Removes what is within the folder `path`, except `kept`.
    pub(crate) fn empty(&mut self, path: &str, kept: &BTreeSet<String>) {
        let doomed: Vec<_> = self.within(path).filter(|path| !kept.contains(path)).collect();
        for path in doomed {
            self.entries.remove(&path);
        }
    }

    fn remove_within(&mut self, path: &str) {
        self.empty(path, &BTreeSet::new());
    }

    fn within(&self, path: &str) -> impl Iterator<Item = String> + use<> {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let found: Vec<_> = self
            .entries
            .range::<String, _>((Bound::Excluded(prefix.clone()), Bound::Unbounded))
            .map(|(path, _)| path.clone())
            .take_while(|path| path.starts_with(&prefix))
            .collect();
        found.into_iter()
    }

    fn imply_parents(&mut self, path: &str) {
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        for parent in parents {
            let is_folder = matches!(
                self.entries.get(parent),
                Some(Entry {
                    kind: Kind::Folder,
                    ..
                })
            );
            if !is_folder {
                self.files += 1;
                let file = self.files;
                self.entries.insert(
                    parent.to_owned(),
                    Entry {
                        file,
                        ..Entry::implied()
                    },
                );
            }
        }
    }
}
