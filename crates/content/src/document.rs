//! Documents in the store that name other contents: manifests, indexes and configurations of images, and records.
//!
//! What they name is found as text, `sha256:` and 64 digits, without knowing any format. That may find too much, which
//! is kept for nothing; and it misses nothing when formats are added.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;

use coracle_spec::Digest;
use fs_err as fs;

use crate::error::{Context, StoreError};
use crate::store::Store;

/// The largest document that is looked into, in bytes: the most that a manifest may have.
const LARGEST: u64 = 4 << 20;

/// What a blob begins with tells what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// A JSON object.
    Document,
    /// A Debian package (deb(5)), or a list of them as XZ compresses it.
    Package,
    /// Layers, mostly.
    Other,
}

/// Answers what the blob at `path` is. One that is gone is of no kind.
pub(crate) fn contents(path: &Path) -> io::Result<Contents> {
    let mut start = Vec::new();
    match fs::File::open(path) {
        Ok(file) => drop(file.take(8).read_to_end(&mut start)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(match start.as_slice() {
        [b'{', ..] => Contents::Document,
        b"!<arch>\n" | [0xfd, b'7', b'z', b'X', b'Z', ..] => Contents::Package,
        _ => Contents::Other,
    })
}

/// Answers the digests that a text names.
pub(crate) fn named_in(text: &[u8]) -> Vec<Digest> {
    const PREFIX: &[u8] = b"sha256:";
    const LENGTH: usize = PREFIX.len() + 64;
    let mut named = Vec::new();
    for window in text.windows(LENGTH).filter(|window| window.starts_with(PREFIX)) {
        named.extend(
            std::str::from_utf8(window)
                .ok()
                .and_then(|text| text.parse::<Digest>().ok()),
        );
    }
    named
}

impl Store {
    /// Answers `digests` and everything that documents among them name, directly or not.
    pub fn reachable(&self, digests: &[Digest]) -> Result<BTreeSet<Digest>, StoreError> {
        let mut reached = BTreeSet::new();
        self.each_named(digests, |digest| reached.insert(*digest))?;
        Ok(reached)
    }

    /// Calls `visit` with `digests` and with everything that documents among them name; what it answers `false` for
    /// is not looked into.
    pub(crate) fn each_named(
        &self,
        digests: &[Digest],
        mut visit: impl FnMut(&Digest) -> bool,
    ) -> Result<(), StoreError> {
        let mut pending = digests.to_vec();
        while let Some(digest) = pending.pop() {
            if visit(&digest) {
                pending.extend(named_in(&self.document(&digest)?));
            }
        }
        Ok(())
    }

    /// Reads a document; what is none, or not there, is empty.
    fn document(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.blob_path(digest);
        let read = || -> io::Result<Vec<u8>> {
            if fs::symlink_metadata(&path)?.len() > LARGEST || contents(&path)? != Contents::Document {
                return Ok(Vec::new());
            }
            fs::read(&path)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            result => result.context("read", &path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_found_wherever_they_stand_in_a_text() {
        let (a, b) = (Digest::of("a"), Digest::of("b"));
        let text = format!(r#"{{"config":{{"digest":"{a}"}},"layers":["{b}"],"no":"sha256:12"}}"#);
        assert_eq!(named_in(text.as_bytes()), [a, b]);
        assert!(named_in(b"").is_empty());
        assert!(named_in(a.hex().as_bytes()).is_empty());
    }

    #[test]
    fn a_documents_names_are_followed_and_those_that_go_in_circles_end() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let layer = store.put_blob(b"layer").unwrap().digest;
        let tree = Digest::of("tree");
        let config = store.put_blob(format!("{{\"{tree}\"").as_bytes()).unwrap().digest;
        let manifest = format!("{{\"{config}\", \"{layer}\"");
        let manifest = store.put_blob(manifest.as_bytes()).unwrap().digest;
        let expected = BTreeSet::from([manifest, config, layer, tree]);
        assert_eq!(store.reachable(&[manifest, manifest]).unwrap(), expected);
        // No layer is taken for a document, whatever it holds.
        let text = store
            .put_blob(format!("x{{\"{tree}\"").as_bytes())
            .unwrap()
            .digest;
        assert_eq!(store.reachable(&[text]).unwrap(), BTreeSet::from([text]));
    }
}
