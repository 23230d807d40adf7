//! Archives in the making, as no program should write them.

use crate::entry::Metadata;
use crate::tar::{BLOCK, Body, encode, padding};

/// An archive in the making.
#[derive(Default, Clone)]
pub(super) struct Tar(pub(super) Vec<u8>);

impl Tar {
    pub(super) fn with(mut self, path: &str, body: Body<'_>) -> Self {
        self.0
            .extend(encode(path.as_bytes(), body, &Metadata::with_mode(0o755)));
        self
    }

    pub(super) fn directory(self, path: &str) -> Self {
        self.with(path, Body::Directory)
    }

    pub(super) fn file(mut self, path: &str, text: &str) -> Self {
        let size = text.len() as u64;
        self = self.with(path, Body::File { size });
        self.0.extend(text.as_bytes());
        self.0.resize(self.0.len() + padding(size), 0);
        self
    }

    pub(super) fn symlink(self, path: &str, target: &str) -> Self {
        self.with(
            path,
            Body::Symlink {
                target: target.as_bytes(),
            },
        )
    }

    pub(super) fn hard_link(self, path: &str, target: &str) -> Self {
        self.with(
            path,
            Body::HardLink {
                target: target.as_bytes(),
            },
        )
    }

    /// Changes the header of the last entry, which has no contents, and seals it again.
    pub(super) fn patched(mut self, patch: impl FnOnce(&mut [u8])) -> Self {
        let start = self.0.len() - BLOCK;
        let header = &mut self.0[start..];
        patch(header);
        header[148..156].fill(b' ');
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self
    }

    pub(super) fn kind(self, kind: u8) -> Self {
        self.patched(|header| header[156] = kind)
    }

    /// An extended header for the next entry.
    pub(super) fn records(self, text: &str) -> Self {
        let size = text.len() as u64;
        let mut tar = self.with("pax", Body::File { size }).kind(b'x');
        tar.0.extend(text.as_bytes());
        tar.0.resize(tar.0.len() + padding(size), 0);
        tar
    }

    /// A GNU long name or link for the next entry.
    pub(super) fn long(self, kind: u8, text: &str) -> Self {
        let size = text.len() as u64;
        let mut tar = self.with("././@LongLink", Body::File { size }).kind(kind);
        tar.0.extend(text.as_bytes());
        tar.0.resize(tar.0.len() + padding(size), 0);
        tar
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}
