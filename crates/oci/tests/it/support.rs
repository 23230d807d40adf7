//! What several tests need: a store, a look at a whole tree, a mount for the length of a test.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use coracle_content::Store;
use fs_err as fs;

pub(crate) struct Place {
    base: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Place {
    pub(crate) fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let store = Store::open(&base.path().join("store")).unwrap();
        Self { base, store }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// Answers what is in a folder of the store.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.store.root().join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

/// Everything about one entry that a layer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) mtime: i64,
    pub(crate) contents: Vec<u8>,
    pub(crate) names: u64,
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
}

/// Looks at everything beneath `root`, and at `root` itself under the empty path.
pub(crate) fn look(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        seen.insert(path.strip_prefix(root).unwrap().to_owned(), see(&path, &metadata));
    }
    seen
}

fn see(path: &Path, metadata: &std::fs::Metadata) -> Seen {
    let contents = if metadata.is_file() {
        fs::read(path).unwrap()
    } else if metadata.is_symlink() {
        fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
    } else {
        metadata.rdev().to_le_bytes().to_vec()
    };
    Seen {
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        mtime: metadata.mtime(),
        contents,
        names: if metadata.is_dir() { 0 } else { metadata.nlink() },
        xattrs: xattrs(path),
    }
}

fn xattrs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; 4096];
    let count = rustix::fs::llistxattr(path, &mut names).unwrap();
    names.truncate(count);
    let read = |name: &[u8]| {
        let name = String::from_utf8(name.to_vec()).unwrap();
        let mut value = vec![0; 4096];
        let count = rustix::fs::lgetxattr(path, name.as_str(), &mut value).unwrap();
        value.truncate(count);
        (name, value)
    };
    names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(read)
        .collect()
}

/// Answers bytes that no compression makes fewer.
pub(crate) fn noise(kilobytes: u32) -> Vec<u8> {
    (0..kilobytes * 32)
        .flat_map(|at| *coracle_spec::Digest::of(at.to_le_bytes()).as_bytes())
        .collect()
}

/// A file system, mounted for the length of a test.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn new(kind: &str, path: &Path, options: &str) -> Self {
        use rustix::mount::{MountFlags, mount};
        fs::create_dir_all(path).unwrap();
        let options = std::ffi::CString::new(options).unwrap();
        mount(kind, path, kind, MountFlags::empty(), options.as_c_str())
            .expect("mounting needs root: run the tests as root");
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}
