//! Leases: what a living process uses and garbage collection must keep.

use std::collections::BTreeSet;
use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coracle_spec::Digest;
use fs_err as fs;

use crate::error::{Context, StoreError};
use crate::gate::Gate;
use crate::scratch::{create_held, new_file};
use crate::store::Store;

/// A list of digests in use. It ends when the value is dropped or its process dies.
///
/// A document that is kept, such as an image's manifest, keeps what it names.
#[derive(Debug)]
pub struct Lease {
    path: PathBuf,
    file: fs::File,
    gate: Gate,
    kept: Mutex<BTreeSet<Digest>>,
}

impl Lease {
    /// Keeps the blob or tree with this digest. Look it up after this call, not before: what is found then stays.
    pub fn keep(&self, digest: &Digest) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if kept.contains(digest) {
            return Ok(());
        }
        let _open = self.gate.hold_open()?;
        self.note(format_args!("+{digest}\n"))?;
        kept.insert(*digest);
        Ok(())
    }

    /// Keeps a digest no longer.
    pub fn release(&self, digest: &Digest) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if !kept.remove(digest) {
            return Ok(());
        }
        let _open = self.gate.hold_open()?;
        if kept.is_empty() {
            return self.file.set_len(0).context("write", &self.path);
        }
        self.note(format_args!("-{digest}\n"))
    }

    fn note(&self, line: std::fmt::Arguments<'_>) -> Result<(), StoreError> {
        (&self.file)
            .write_all(line.to_string().as_bytes())
            .context("write", &self.path)
    }

    fn kept(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// Starts an empty lease.
    pub fn lease(&self) -> Result<Lease, StoreError> {
        let (path, file) = create_held(&self.folder("leases"), new_file)?;
        Ok(Lease {
            path,
            file,
            gate: self.gate().clone(),
            kept: Mutex::default(),
        })
    }

    /// Answers the same store as a new user of it: all that is looked up or made through the answer and its clones
    /// is kept until the last of them is dropped.
    pub fn held(&self) -> Result<Self, StoreError> {
        Ok(self.with_lease(Arc::new(self.lease()?)))
    }

    /// Answers what living processes keep. Called with the gate held shut.
    pub(crate) fn leased(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let folder = self.folder("leases");
        let mut leased = BTreeSet::new();
        for entry in fs::read_dir(&folder).context("list", &folder)? {
            let path = entry.context("list", &folder)?.path();
            apply(&read_living(&path).context("read", &path)?, &mut leased);
        }
        Ok(leased)
    }
}

/// Reads the lease at `path`: nothing when its owner is dead.
fn read_living(path: &Path) -> io::Result<String> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        result => result?,
    };
    match file.file().try_lock() {
        Ok(()) => Ok(String::new()),
        Err(TryLockError::WouldBlock) => io::read_to_string(file),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Adds what one lease keeps: two leases may keep the same, so that a release counts for its own only.
fn apply(text: &str, leased: &mut BTreeSet<Digest>) {
    let mut own = BTreeSet::new();
    for line in text.lines() {
        let (sign, digest) = line.split_at_checked(1).unwrap_or_default();
        match (sign, digest.parse::<Digest>()) {
            ("+", Ok(digest)) => drop(own.insert(digest)),
            ("-", Ok(digest)) => drop(own.remove(&digest)),
            _ => {}
        }
    }
    leased.append(&mut own);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_counts_for_its_own_lease_only() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let (one, other) = (store.lease().unwrap(), store.lease().unwrap());
        let (a, b) = (Digest::of("a"), Digest::of("b"));
        one.keep(&a).unwrap();
        one.keep(&b).unwrap();
        other.keep(&a).unwrap();
        other.release(&a).unwrap();
        assert_eq!(store.leased().unwrap(), BTreeSet::from([a, b]));
        one.release(&a).unwrap();
        assert_eq!(store.leased().unwrap(), BTreeSet::from([b]));
        one.release(&b).unwrap();
        one.keep(&a).unwrap();
        assert_eq!(store.leased().unwrap(), BTreeSet::from([a]));
        drop(one);
        assert!(store.leased().unwrap().is_empty());
    }
}
