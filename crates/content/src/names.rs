//! Names of images: each a small file that says which manifest it stands for.
//!
//! What is named stays, whoever collects, until the name is removed or given to something else. One file for all names
//! lost: two commands at once would each write what the other has not seen.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use coracle_spec::{Digest, ImageRef};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::error::{Context, StoreError};
use crate::record::{seal, sealed};
use crate::store::Store;

/// An image, or an index of images, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name, complete: [`ImageRef::canonical`].
    pub reference: ImageRef,
    /// The digest of its manifest.
    pub digest: Digest,
    /// When it got the name.
    pub since: SystemTime,
    /// Whether somebody gave it the name; else it is what it was called for want of another.
    pub is_given: bool,
}

/// A name as it is written.
#[derive(Serialize, Deserialize)]
struct Entry {
    name: ImageRef,
    digest: Digest,
    /// Nothing in those that were written before there were others.
    #[serde(default = "yes")]
    given: bool,
}

fn yes() -> bool {
    true
}

impl Store {
    /// Gives the manifest `digest` a name, which stood for another one until then or for none.
    ///
    /// The manifest is in the store, and what it names is [held](Store::held), so that it is all there.
    pub fn set_name(&self, name: &ImageRef, digest: &Digest) -> Result<(), StoreError> {
        self.write_name(&Entry {
            name: name.canonical(),
            digest: *digest,
            given: true,
        })
    }

    /// Does what [`set_name`](Store::set_name) does with a name that nobody chose, unless it stands for that already.
    pub fn set_default_name(&self, name: &ImageRef, digest: &Digest) -> Result<(), StoreError> {
        if self.named(name)?.is_some_and(|named| named.digest == *digest) {
            return Ok(());
        }
        self.write_name(&Entry {
            name: name.canonical(),
            digest: *digest,
            given: false,
        })
    }

    fn write_name(&self, entry: &Entry) -> Result<(), StoreError> {
        let _open = self.gate().hold_open()?;
        if !self.blob_path(&entry.digest).is_file() {
            return Err(StoreError::Missing { digest: entry.digest });
        }
        let path = self.name_path(&entry.name);
        let json = serde_json::to_vec(entry)
            .map_err(io::Error::other)
            .context("write", &path)?;
        self.replace(&path, &seal(&json))
    }

    /// Answers what a name stands for.
    pub fn named(&self, name: &ImageRef) -> Result<Option<Named>, StoreError> {
        read_name(&self.name_path(name))
    }

    /// Lists all names, in their order.
    pub fn names(&self) -> Result<Vec<Named>, StoreError> {
        let folder = self.folder("names");
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).context("list", &folder)? {
            let path = entry.context("list", &folder)?.path();
            names.extend(read_name(&path)?);
        }
        names.sort_by(|one, other| one.reference.cmp(&other.reference));
        Ok(names)
    }

    /// Removes a name; answers whether it was there. What it stood for goes with the next collection that finds
    /// nothing else that keeps it.
    pub fn remove_name(&self, name: &ImageRef) -> Result<bool, StoreError> {
        let path = self.name_path(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).context("remove", &path),
        }
    }

    fn name_path(&self, name: &ImageRef) -> PathBuf {
        let key = Digest::of(String::from(name.canonical()));
        self.folder("names").join(key.hex())
    }
}

/// Reads a name; one that is torn is absent.
fn read_name(path: &Path) -> Result<Option<Named>, StoreError> {
    let read =
        || -> io::Result<(Vec<u8>, SystemTime)> { Ok((fs::read(path)?, fs::metadata(path)?.modified()?)) };
    let (text, since) = match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.context("read", path)?,
    };
    let entry = sealed(&text).and_then(|json| serde_json::from_slice::<Entry>(json).ok());
    Ok(entry.map(|entry| Named {
        reference: entry.name,
        digest: entry.digest,
        since,
        is_given: entry.given,
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Extent, Limits};

    fn read(text: &str) -> ImageRef {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_stands_for_what_it_was_given_to_last_until_it_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let one = store.put_blob(b"one").unwrap().digest;
        let other = store.put_blob(b"other").unwrap().digest;
        store.set_name(&read("alpine"), &one).unwrap();
        store
            .set_name(&read("docker.io/library/alpine:latest"), &other)
            .unwrap();
        store.set_name(&read("a.example/b:1"), &one).unwrap();
        assert_eq!(
            store.named(&read("alpine:latest")).unwrap().unwrap().digest,
            other
        );
        let names: Vec<String> = store
            .names()
            .unwrap()
            .iter()
            .map(|named| named.reference.to_string())
            .collect();
        assert_eq!(names, ["a.example/b:1", "alpine:latest"]);
        assert!(store.remove_name(&read("alpine")).unwrap());
        assert!(!store.remove_name(&read("alpine")).unwrap());
        assert_eq!(store.named(&read("alpine")).unwrap(), None);
        let nothing = store.set_name(&read("alpine"), &Digest::of("nothing"));
        assert!(matches!(nothing, Err(StoreError::Missing { .. })));
    }

    #[test]
    fn a_name_that_nobody_chose_says_so_until_somebody_does() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let [one, other] = ["one", "other"].map(|text| store.put_blob(text.as_bytes()).unwrap().digest);
        let hello = || store.named(&read("hello")).unwrap().unwrap();
        store.set_default_name(&read("hello"), &one).unwrap();
        assert!(!hello().is_given);
        store.set_name(&read("hello"), &one).unwrap();
        store.set_default_name(&read("hello"), &one).unwrap();
        assert!(hello().is_given, "it stood for this already");
        store.set_default_name(&read("hello"), &other).unwrap();
        assert_eq!((hello().digest, hello().is_given), (other, false));
    }

    #[test]
    fn what_is_named_is_kept_with_all_that_it_names() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let layer = store.put_blob(b"layer").unwrap().digest;
        let manifest = format!("{{\"layers\":[\"{layer}\"]}}");
        let manifest = store.put_blob(manifest.as_bytes()).unwrap().digest;
        let stray = store.put_blob(b"stray").unwrap().digest;
        store.set_name(&read("alpine"), &manifest).unwrap();
        let nothing_stays = Limits {
            bytes: Some(0),
            unused: Some(Duration::ZERO),
        };
        let there = |digest| store.blob(digest).unwrap().is_some();
        store.collect(&(), &nothing_stays, Extent::Whole).unwrap();
        assert!(there(&manifest) && there(&layer) && !there(&stray));
        store.remove_name(&read("alpine")).unwrap();
        store.collect(&(), &nothing_stays, Extent::Whole).unwrap();
        assert!(!there(&manifest) && !there(&layer));
    }
}
