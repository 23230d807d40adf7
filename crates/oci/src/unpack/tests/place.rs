//! A store to unpack into, and whether something was left there.

use std::io::Write;

use coracle_content::{Store, Tree};
use coracle_spec::Digest;
use fs_err as fs;

use super::super::{UnpackError, unpack};
use crate::compression::{Compression, Encoder};
use crate::layer::Layer;

pub(super) struct Place {
    pub(super) base: tempfile::TempDir,
    pub(super) store: Store,
}

impl Place {
    pub(super) fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let store = Store::open(&base.path().join("store")).unwrap();
        Self { base, store }
    }

    pub(super) fn layer(&self, archive: &[u8], compression: Compression) -> Layer {
        let mut encoder = Encoder::new(&self.store, compression).unwrap();
        encoder.write_all(archive).unwrap();
        let blob = encoder.commit().unwrap();
        Layer {
            diff_id: Digest::of(archive),
            digest: blob.digest,
            size: blob.size,
            compression,
            note: String::new(),
        }
    }

    pub(super) fn unpack(&self, archive: &[u8]) -> Result<Tree, UnpackError> {
        unpack(&self.store, &self.layer(archive, Compression::None))
    }

    pub(super) fn is_clean(&self) -> bool {
        let is_empty = |name: &str| {
            fs::read_dir(self.store.root().join(name))
                .unwrap()
                .next()
                .is_none()
        };
        ["trees", "scratch", "locks"].into_iter().all(is_empty)
    }
}

pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
