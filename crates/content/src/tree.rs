//! Unpacked trees: immutable directories by digest, the lower layers of sandboxes.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use coracle_spec::{Digest, Hasher};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::disk_use::DiskUse;
use crate::error::{Context, StoreError};
use crate::scratch::Scratch;
use crate::store::Store;
use crate::touch;

/// An unpacked tree in the store. Nobody changes what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    digest: Digest,
    path: PathBuf,
}

impl Tree {
    /// Answers the digest it is kept under.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Answers its root directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A tree in the making. Dropped without a commit, it leaves nothing.
#[derive(Debug)]
pub struct StagedTree {
    store: Store,
    scratch: Scratch,
    root: PathBuf,
}

impl StagedTree {
    /// Answers the directory to fill.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Makes the tree visible under `digest`. When another process was quicker, its tree is answered.
    pub fn commit(self, digest: &Digest) -> Result<Tree, StoreError> {
        self.store.keep(digest)?;
        let (census, disk) = Census::take(&self.root)?;
        let mark = Mark {
            boot: self.store.boot().to_owned(),
            census,
            disk,
        };
        mark.write(&self.store, self.scratch.path())?;
        loop {
            let place = self.store.tree_place(digest);
            match fs::rename(self.scratch.path(), &place) {
                Ok(()) => {
                    return Ok(Tree {
                        digest: *digest,
                        path: place.join("root"),
                    });
                }
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(error).context("name", &place),
            }
            if let Some(tree) = self.store.tree(digest)? {
                return Ok(tree);
            }
        }
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty
    )
}

impl Store {
    /// Starts a tree: an empty directory with mode 0755.
    pub fn stage_tree(&self) -> Result<StagedTree, StoreError> {
        use std::os::unix::fs::PermissionsExt;
        let scratch = self.scratch()?;
        let root = scratch.path().join("root");
        fs::create_dir(&root).context("make", &root)?;
        fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).context("make", &root)?;
        Ok(StagedTree {
            store: self.clone(),
            scratch,
            root,
        })
    }

    /// Looks a tree up. The first look after a reboot checks that the whole tree reached the disk; one that did
    /// not is dropped and absent.
    pub fn tree(&self, digest: &Digest) -> Result<Option<Tree>, StoreError> {
        self.keep(digest)?;
        let place = self.tree_place(digest);
        let tree = Tree {
            digest: *digest,
            path: place.join("root"),
        };
        match Mark::read(&place)? {
            Found::Mark(mark) if mark.boot == self.boot() => {
                touch::used_at(&Mark::path(&place));
                Ok(Some(tree))
            }
            Found::Nothing => Ok(None),
            Found::Mark(_) | Found::Torn => self.check_again(tree),
        }
    }

    fn check_again(&self, tree: Tree) -> Result<Option<Tree>, StoreError> {
        let place = self.tree_place(&tree.digest);
        let _guard = self.lock("tree", &tree.digest)?;
        let mark = match Mark::read(&place)? {
            Found::Nothing => return Ok(None),
            Found::Torn => return self.drop_tree(&place),
            Found::Mark(mark) => mark,
        };
        let Some((_, disk)) = Census::take(&tree.path)
            .ok()
            .filter(|(census, _)| *census == mark.census)
        else {
            return self.drop_tree(&place);
        };
        Mark {
            boot: self.boot().to_owned(),
            census: mark.census,
            disk,
        }
        .write(self, &place)?;
        Ok(Some(tree))
    }

    fn drop_tree(&self, place: &Path) -> Result<Option<Tree>, StoreError> {
        let scratch = self.scratch()?;
        fs::rename(place, scratch.path().join("dropped")).context("drop", place)?;
        Ok(None)
    }

    fn tree_place(&self, digest: &Digest) -> PathBuf {
        let mut place = self.folder("trees");
        place.push(digest.hex());
        place
    }
}

/// What says when a tree was last known to be whole.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    boot: String,
    census: Census,
    /// What it takes on the disk, in bytes. Not part of the census: a file system may pack it again.
    #[serde(default)]
    disk: u64,
}

enum Found {
    Nothing,
    Torn,
    Mark(Mark),
}

impl Mark {
    fn path(place: &Path) -> PathBuf {
        place.join("mark")
    }

    fn read(place: &Path) -> Result<Found, StoreError> {
        let path = Self::path(place);
        match fs::read(&path) {
            Ok(json) => Ok(serde_json::from_slice(&json).map_or(Found::Torn, Found::Mark)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("read", &path),
            Err(_) if fs::symlink_metadata(place).is_ok() => Ok(Found::Torn),
            Err(_) => Ok(Found::Nothing),
        }
    }

    fn write(&self, store: &Store, place: &Path) -> Result<(), StoreError> {
        let path = Self::path(place);
        let json = serde_json::to_vec(self)
            .map_err(io::Error::other)
            .context("write", &path)?;
        store.replace(&path, &json)
    }
}

/// Answers what the tree at `place` takes on the disk, in bytes, and when it was last of use; `None` when it is not
/// whole.
pub(crate) fn weigh(place: &Path) -> Option<(u64, SystemTime)> {
    let Ok(Found::Mark(mark)) = Mark::read(place) else {
        return None;
    };
    let used = fs::symlink_metadata(Mark::path(place)).ok()?.modified().ok()?;
    Some((mark.disk.max(mark.census.bytes), used))
}

/// What a tree looks like from outside its files: enough to notice what a crash cut, since file systems write a
/// file's size no earlier than its bytes.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Census {
    entries: u64,
    bytes: u64,
    digest: Digest,
}

impl Census {
    /// Answers it with the bytes that the tree takes on the disk.
    fn take(root: &Path) -> Result<(Self, u64), StoreError> {
        let mut counting = Counting {
            entries: 0,
            bytes: 0,
            hasher: Hasher::default(),
            disk: DiskUse::default(),
        };
        let mut pending = vec![root.to_owned()];
        while let Some(folder) = pending.pop() {
            counting.folder(&folder, &mut pending)?;
        }
        let census = Self {
            entries: counting.entries,
            bytes: counting.bytes,
            digest: counting.hasher.finish(),
        };
        Ok((census, counting.disk.bytes()))
    }
}

struct Counting {
    entries: u64,
    bytes: u64,
    hasher: Hasher,
    disk: DiskUse,
}

impl Counting {
    fn folder(&mut self, folder: &Path, pending: &mut Vec<PathBuf>) -> Result<(), StoreError> {
        let mut entries = fs::read_dir(folder)
            .context("list", folder)?
            .collect::<Result<Vec<_>, _>>()
            .context("list", folder)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        self.hasher.update(b"/");
        for entry in entries {
            let path = entry.path();
            let metadata = entry.metadata().context("look at", &path)?;
            self.add(&path, &metadata);
            if metadata.is_dir() {
                pending.push(path);
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, metadata: &std::fs::Metadata) {
        let size = if metadata.is_dir() { 0 } else { metadata.len() };
        self.entries += 1;
        self.bytes += size;
        self.disk.add(metadata);
        self.hasher
            .update(path.file_name().unwrap_or_default().as_bytes());
        let numbers = [
            size,
            u64::from(metadata.mode()),
            u64::from(metadata.uid()),
            u64::from(metadata.gid()),
            metadata.mtime().cast_unsigned(),
        ];
        for number in numbers {
            self.hasher.update(&number.to_le_bytes());
        }
    }
}
