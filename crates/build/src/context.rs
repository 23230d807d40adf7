//! The context of a Dockerfile build: everything in a folder that its ignore file keeps.
//!
//! Unlike a language's source, of which [`crate::folder`] lists files alone, a context has empty folders, modes, and
//! whatever version control and package managers leave. Owners and times are none of it: everything is root's.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use coracle_content::{StatCache, Store};
use coracle_plan::patterns::{Above, Patterns};
use coracle_spec::Digest;
use fs_err as fs;
use serde::Serialize;

use crate::files::{Files, Node, NodeKind, Root};
use crate::folder::FolderError;
use crate::steps::EPOCH;

/// The most files, folders and links of one context.
const MOST_ENTRIES: usize = 1_000_000;

/// What is in a context.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    folder: PathBuf,
    entries: BTreeMap<PathBuf, Listed>,
}

#[derive(Debug)]
struct Listed {
    node: Node,
    /// Where a link leads.
    target: PathBuf,
    /// The first other name of the same file, in the order of names.
    same: Option<PathBuf>,
}

/// A listed context and the digests of its files, for making keys.
pub(crate) struct Context {
    pub(crate) listing: Listing,
    digests: RefCell<StatCache>,
}

/// What is copied of a context and hashes to, by path: what keys are made of.
pub(crate) type Digests = BTreeMap<PathBuf, Copied>;

/// What an entry is, as far as a copy shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Copied {
    kind: NodeKind,
    mode: u32,
    /// The digest of a file's contents or of a link's target.
    pub(crate) digest: Option<Digest>,
    /// The first of the names that the file has.
    #[serde(skip_serializing_if = "Option::is_none")]
    same: Option<PathBuf>,
}

impl Context {
    /// Lists `folder` but for what `ignore` matches; reads no file yet.
    pub(crate) fn open(store: &Store, folder: &Path, ignore: &Patterns) -> Result<Self, FolderError> {
        let folder = fs::canonicalize(folder).map_err(|_| FolderError::NotAFolder(folder.to_owned()))?;
        let digests = StatCache::open(store, &folder).map_err(FolderError::Remember)?;
        Ok(Self {
            listing: Listing::of(folder, ignore)?,
            digests: RefCell::new(digests),
        })
    }

    /// Answers what `path`, which is listed, is and hashes to.
    pub(crate) fn copied(&self, path: &Path) -> Result<Copied, FolderError> {
        let absent = || FolderError::Read(io::ErrorKind::NotFound.into());
        let listed = self.listing.entries.get(path).ok_or_else(absent)?;
        let digest = match listed.node.kind {
            NodeKind::File => Some(
                self.digests
                    .borrow_mut()
                    .digest(path)
                    .map_err(FolderError::Remember)?,
            ),
            NodeKind::Link => Some(Digest::of(listed.target.as_os_str().as_encoded_bytes())),
            _ => None,
        };
        Ok(Copied {
            kind: listed.node.kind,
            mode: listed.node.mode,
            digest,
            same: listed.same.clone(),
        })
    }

    /// Keeps the digests for the next build, and answers the listing.
    pub(crate) fn remember(self) -> Result<Listing, FolderError> {
        self.digests.into_inner().save().map_err(FolderError::Remember)?;
        Ok(self.listing)
    }
}

impl Listing {
    /// Lists the folder, whose path has no links, but for what `ignore` matches.
    pub(crate) fn of(folder: PathBuf, ignore: &Patterns) -> Result<Self, FolderError> {
        let root = Root::open(&folder).map_err(FolderError::Read)?;
        let mut listing = Self {
            folder,
            entries: BTreeMap::new(),
        };
        listing.keep(&root, PathBuf::new())?;
        let mut pending = vec![(PathBuf::new(), Above::default())];
        while let Some((path, above)) = pending.pop() {
            for name in root.names(&path).map_err(FolderError::Read)? {
                listing.look(&root, path.join(&name), (ignore, &above), &mut pending)?;
            }
        }
        listing.note_names();
        Ok(listing)
    }

    /// Notes which files are one file with several names: a copy has them so, too.
    fn note_names(&mut self) {
        let mut first = HashMap::new();
        for (path, listed) in &mut self.entries {
            if let (NodeKind::File, Some(inode)) = (listed.node.kind, listed.node.inode) {
                let known = first.entry(inode).or_insert_with(|| path.clone());
                listed.same = (known != path).then(|| known.clone());
            }
        }
    }

    /// Lists `path` unless it is ignored, and puts a folder that must be looked into on `pending`.
    fn look(
        &mut self,
        root: &Root,
        path: PathBuf,
        (ignore, above): (&Patterns, &Above),
        pending: &mut Vec<(PathBuf, Above)>,
    ) -> Result<(), FolderError> {
        // What vanished since its folder was listed is not there.
        let Some(node) = root.node(&path).map_err(FolderError::Read)? else {
            return Ok(());
        };
        let Some(text) = path.to_str() else {
            return Err(FolderError::Name(self.folder.join(path)));
        };
        let (is_ignored, found) = ignore.look(text, above);
        if !is_ignored {
            self.keep(root, path.clone())?;
        }
        if node.is_folder() && (!is_ignored || ignore.have_exceptions()) {
            pending.push((path, found));
        }
        Ok(())
    }

    /// Lists `path`, and the folders that it is in, which an exception may have left out.
    fn keep(&mut self, root: &Root, path: PathBuf) -> Result<(), FolderError> {
        if let Some(parent) = path.parent()
            && !self.entries.contains_key(parent)
        {
            self.keep(root, parent.to_owned())?;
        }
        let node = root.node(&path).map_err(FolderError::Read)?;
        let Some(node) = node.filter(|node| node.kind != NodeKind::Other) else {
            return Ok(());
        };
        let target = match node.kind {
            NodeKind::Link => root.link(&path).map_err(FolderError::Read)?,
            _ => PathBuf::new(),
        };
        let node = Node {
            uid: 0,
            gid: 0,
            mtime: EPOCH,
            ..node
        };
        self.entries.insert(
            path,
            Listed {
                node,
                target,
                same: None,
            },
        );
        if self.entries.len() > MOST_ENTRIES {
            return Err(FolderError::TooMany(self.folder.clone()));
        }
        Ok(())
    }

    /// Answers the first other name of the file at `path`, if it is not the first itself.
    pub(crate) fn same(&self, path: &Path) -> Option<&Path> {
        self.entries.get(path)?.same.as_deref()
    }

    /// Answers where it is, absolute.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Files for Listing {
    fn node(&self, path: &Path) -> io::Result<Option<Node>> {
        Ok(self.entries.get(path).map(|listed| listed.node))
    }

    fn names(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let below = self.entries.range(path.to_owned()..).skip(1);
        let names = below
            .take_while(|(entry, _)| entry.starts_with(path))
            .filter(|(entry, _)| entry.parent() == Some(path))
            .filter_map(|(entry, _)| entry.file_name().map(ToOwned::to_owned));
        Ok(names.collect())
    }

    fn link(&self, path: &Path) -> io::Result<PathBuf> {
        let listed = self.entries.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(listed.target.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn context(ignore: &str) -> (tempfile::TempDir, Context) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("context");
        for path in ["empty", ".git", "node_modules/x", "docs/kept"] {
            fs::create_dir_all(folder.join(path)).unwrap();
        }
        for path in [
            ".git/HEAD",
            "node_modules/x/y",
            "docs/a.md",
            "docs/kept/b.md",
            "run.sh",
        ] {
            fs::write(folder.join(path), path).unwrap();
        }
        fs::set_permissions(folder.join("run.sh"), std::fs::Permissions::from_mode(0o751)).unwrap();
        symlink("../outside", folder.join("out")).unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let ignore = Patterns::of_ignore_file(ignore).unwrap();
        let context = Context::open(&store, &folder, &ignore).unwrap();
        (root, context)
    }

    fn paths(context: &Context) -> Vec<&str> {
        context
            .listing
            .entries
            .keys()
            .filter_map(|path| path.to_str())
            .collect()
    }

    #[test]
    fn a_context_has_everything_that_is_not_ignored() {
        let (_root, all) = context("");
        for path in ["empty", ".git/HEAD", "node_modules/x/y", "out", ""] {
            assert!(paths(&all).contains(&path), "{path}");
        }
        assert_eq!(all.copied(Path::new("run.sh")).unwrap().mode, 0o751);
        let (_root, some) = context("docs\n!docs/kept\nnode_modules\n.git/\n*.sh");
        assert_eq!(
            paths(&some),
            ["", "docs", "docs/kept", "docs/kept/b.md", "empty", "out"]
        );
    }

    #[test]
    fn names_are_those_of_one_folder() {
        let (_root, all) = context("");
        let names = all.listing.names(Path::new("docs")).unwrap();
        assert_eq!(names, ["a.md", "kept"]);
        assert!(all.listing.names(Path::new("empty")).unwrap().is_empty());
    }
}
