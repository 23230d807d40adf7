//! Files of a stand-in that no package brings, as a layer.

use std::path::Path;

use anyhow::Result;
use tar::{Builder, EntryType, Header};

/// When everything was made, in seconds since 1970: always the same.
const TIME: u64 = 1_700_000_000;

/// A layer in the making.
pub(super) struct Files(Builder<Vec<u8>>);

impl Files {
    pub(super) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(super) fn folder(&mut self, path: &str, mode: u32) -> Result<()> {
        self.owned_folder(path, mode, (0, 0))
    }

    pub(super) fn owned_folder(&mut self, path: &str, mode: u32, owner: (u64, u64)) -> Result<()> {
        let mut header = header(EntryType::Directory, mode);
        header.set_uid(owner.0);
        header.set_gid(owner.1);
        self.add(&mut header, &format!("{path}/"), &[])
    }

    pub(super) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        self.add(&mut header(EntryType::Regular, mode), path, bytes)
    }

    pub(super) fn link(&mut self, path: &str, target: &str) -> Result<()> {
        Ok(self
            .0
            .append_link(&mut header(EntryType::Symlink, 0o777), path, target)?)
    }

    pub(super) fn hard_link(&mut self, path: &str, target: &str) -> Result<()> {
        Ok(self
            .0
            .append_link(&mut header(EntryType::Link, 0o755), path, target)?)
    }

    pub(super) fn hide(&mut self, folder: &str, name: &str) -> Result<()> {
        self.file(&format!("{folder}/.wh.{name}"), 0o644, &[])
    }

    fn add(&mut self, header: &mut Header, path: &str, bytes: &[u8]) -> Result<()> {
        header.set_size(bytes.len() as u64);
        Ok(self.0.append_data(header, Path::new(path), bytes)?)
    }

    /// Answers the layer's tar archive.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        Ok(self.0.into_inner()?)
    }
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header.set_mtime(TIME);
    header
}
