//! The store: its layout, and where things are in it.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coracle_spec::Digest;
use fs_err as fs;

use crate::error::{Context, StoreError};
use crate::gate::Gate;
use crate::lease::Lease;
use crate::{scratch, touch};

const VERSION: &str = "1";
const FOLDERS: [&str; 10] = [
    "blobs/sha256",
    "trees",
    "records",
    "names",
    "caches",
    "stats",
    "locks",
    "leases",
    "scratch",
    "uploads",
];

/// A content store. Cloning it is cheap; clones, and other processes, may use it at the same time.
///
/// What is looked up may be collected before it is read, unless the store is [held](Store::held) or the digest leased.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
    lease: Option<Arc<Lease>>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    boot: String,
    gate: Gate,
}

impl Store {
    /// Opens the store at `root`, makes it if it is not there, and removes what killed processes left in its
    /// scratch space.
    ///
    /// The store is readable by its owner only: an unpacked tree may hold programs that run with their owner's
    /// rights.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        lay_out(root)?;
        check_version(root)?;
        let boot_file = Path::new("/proc/sys/kernel/random/boot_id");
        let boot = fs::read_to_string(boot_file)
            .context("read", boot_file)?
            .trim()
            .to_owned();
        let root = fs::canonicalize(root).context("resolve", root)?;
        let gate = Gate::of(&root);
        let store = Self {
            inner: Arc::new(Inner { root, boot, gate }),
            lease: None,
        };
        scratch::sweep(&store)?;
        Ok(store)
    }

    /// Answers the directory that holds everything.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// Answers a directory that is kept between builds, for a package manager's cache; makes it if needed.
    pub fn cache_dir(&self, name: &str) -> Result<PathBuf, StoreError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(StoreError::CacheName {
                name: name.to_owned(),
            });
        }
        self.keep(&cache_key(name))?;
        let path = self.folder("caches").join(name);
        fs::create_dir_all(&path).context("make", &path)?;
        touch::touch(&path);
        Ok(path)
    }

    /// Answers the same store with another lease.
    pub(crate) fn with_lease(&self, lease: Arc<Lease>) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            lease: Some(lease),
        }
    }

    /// Keeps a digest that is about to be looked up or made, if the store is held.
    pub(crate) fn keep(&self, digest: &Digest) -> Result<(), StoreError> {
        self.lease.as_ref().map_or(Ok(()), |lease| lease.keep(digest))
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.inner.gate
    }

    /// Answers the identity of this boot of the machine.
    pub(crate) fn boot(&self) -> &str {
        &self.inner.boot
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.inner.root.join(name)
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.inner.root.join("blobs/sha256").join(digest.hex())
    }
}

/// Answers what a package manager's cache is leased by.
pub(crate) fn cache_key(name: &str) -> Digest {
    Digest::of_value(&("cache", name))
}

fn lay_out(root: &Path) -> Result<(), StoreError> {
    if let Some(parent) = root.parent() {
        fs::create_dir_all(parent).context("make", parent)?;
    }
    let private = std::fs::DirBuilder::new().mode(0o700).create(root);
    match private {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error).context("make", root);
        }
        _ => {}
    }
    let mode = fs::metadata(root).context("look at", root)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(root, std::fs::Permissions::from_mode(0o700)).context("make private", root)?;
    }
    for folder in FOLDERS {
        let path = root.join(folder);
        fs::create_dir_all(&path).context("make", &path)?;
    }
    Ok(())
}

fn check_version(root: &Path) -> Result<(), StoreError> {
    let path = root.join("VERSION");
    match fs::read_to_string(&path) {
        Ok(text) if text.trim() == VERSION => Ok(()),
        // A file of no bytes is one whose writer was killed before its first byte.
        Ok(text) if text.is_empty() => write_version(&path),
        Ok(text) => Err(StoreError::Version {
            path: root.to_owned(),
            found: text.trim().to_owned(),
            known: VERSION,
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => write_version(&path),
        Err(error) => Err(error).context("read", &path),
    }
}

fn write_version(path: &Path) -> Result<(), StoreError> {
    fs::write(path, format!("{VERSION}\n")).context("write", path)
}
