//! What an entry says of itself: its header, and what was said ahead of it, which goes before.

use std::collections::BTreeMap;

use super::entry::Kind;
use super::error::TarError;
use super::header::{
    DEVICE_MAJOR, DEVICE_MINOR, GID, GNU_MAGIC, Header, LINK, MAGIC, MODE, MTIME, NAME, POSIX_MAGIC, PREFIX,
    SIZE, TYPE, UID,
};
use super::records::{decimal, whole_seconds};
use crate::entry::Metadata;

/// What the keys of extended attributes begin with.
const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// What headers before an entry's own said of it.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) records: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Ahead {
    /// Adds records. One with an empty value takes back what was said before it, so that the header counts; only an
    /// attribute's value may be empty.
    pub(super) fn add(&mut self, records: BTreeMap<Vec<u8>, Vec<u8>>) {
        self.records.extend(records);
        self.records
            .retain(|key, value| !value.is_empty() || key.starts_with(ATTRIBUTE));
    }
}

/// A header with what came before it.
pub(super) struct Fields<'a> {
    pub(super) header: &'a Header,
    pub(super) at: u64,
    pub(super) ahead: Ahead,
}

impl Fields<'_> {
    pub(super) fn path(&mut self) -> Vec<u8> {
        if let Some(path) = self
            .ahead
            .records
            .remove(b"path".as_slice())
            .or_else(|| self.ahead.path.take())
        {
            return path;
        }
        let name = self.header.text(NAME);
        let prefix = self.header.text(PREFIX);
        if self.header.0[MAGIC] == *POSIX_MAGIC && !prefix.is_empty() {
            [prefix, b"/", name].concat()
        } else {
            name.to_vec()
        }
    }

    pub(super) fn size(&mut self) -> Result<u64, TarError> {
        match self.ahead.records.remove(b"size".as_slice()) {
            Some(text) => decimal(&text).ok_or_else(|| self.broken("its size is no number")),
            None => number(self.header, SIZE, self.at, "its size is no number"),
        }
    }

    pub(super) fn kind(&mut self, path: &[u8]) -> Result<Kind, TarError> {
        if self
            .ahead
            .records
            .keys()
            .any(|key| key.starts_with(b"GNU.sparse."))
        {
            return Err(unsupported(path, "a sparse file"));
        }
        Ok(match self.header.0[TYPE] {
            b'0' | b'7' | 0 if path.ends_with(b"/") => Kind::Directory,
            b'0' | b'7' | 0 => Kind::File,
            b'1' => Kind::HardLink { target: self.link() },
            b'2' => Kind::Symlink { target: self.link() },
            b'3' => Kind::Character {
                device: self.device()?,
            },
            b'4' => Kind::Block {
                device: self.device()?,
            },
            b'5' => Kind::Directory,
            b'6' => Kind::Pipe,
            b'S' => return Err(unsupported(path, "a sparse file")),
            other => return Err(unsupported(path, &format!("of type `{}`", other.escape_ascii()))),
        })
    }

    fn link(&mut self) -> Vec<u8> {
        let long = self
            .ahead
            .records
            .remove(b"linkpath".as_slice())
            .or_else(|| self.ahead.link.take());
        long.unwrap_or_else(|| self.header.text(LINK).to_vec())
    }

    fn device(&self) -> Result<(u32, u32), TarError> {
        let is_known = self.header.0[MAGIC] == *POSIX_MAGIC || self.header.0[MAGIC] == *GNU_MAGIC;
        let part = |field| {
            self.header
                .number(field)
                .and_then(|number| u32::try_from(number).ok())
        };
        match (part(DEVICE_MAJOR), part(DEVICE_MINOR)) {
            (Some(major), Some(minor)) if is_known => Ok((major, minor)),
            _ => Err(self.broken("its device is no pair of numbers")),
        }
    }

    pub(super) fn metadata(&mut self) -> Result<Metadata, TarError> {
        let mode = self
            .header
            .number(MODE)
            .ok_or_else(|| self.broken("its mode is no number"))?;
        Ok(Metadata {
            mode: u32::try_from(mode & 0o7777).unwrap_or(0),
            uid: self.id("uid", UID)?,
            gid: self.id("gid", GID)?,
            mtime: self.mtime()?,
            xattrs: self.xattrs()?,
        })
    }

    fn id(&self, key: &str, field: std::ops::Range<usize>) -> Result<u32, TarError> {
        let id = match self.ahead.records.get(key.as_bytes()) {
            Some(text) => decimal(text),
            None => self.header.number(field).and_then(|id| u64::try_from(id).ok()),
        };
        // The highest id stands for "leave it as it is" in `chown`.
        id.and_then(|id| u32::try_from(id).ok())
            .filter(|id| *id != u32::MAX)
            .ok_or_else(|| self.broken("its owner is no number"))
    }

    fn mtime(&self) -> Result<i64, TarError> {
        match self.ahead.records.get(b"mtime".as_slice()) {
            Some(text) => whole_seconds(text).ok_or_else(|| self.broken("its time is no number")),
            None => self
                .header
                .number(MTIME)
                .ok_or_else(|| self.broken("its time is no number")),
        }
    }

    fn xattrs(&self) -> Result<BTreeMap<String, Vec<u8>>, TarError> {
        let mut xattrs = BTreeMap::new();
        for (key, value) in &self.ahead.records {
            if let Some(name) = key.strip_prefix(ATTRIBUTE) {
                let name = String::from_utf8(name.to_vec())
                    .map_err(|_| self.broken("an extended attribute's name is not UTF-8"))?;
                xattrs.insert(name, value.clone());
            }
        }
        Ok(xattrs)
    }

    fn broken(&self, reason: &'static str) -> TarError {
        TarError::Header { at: self.at, reason }
    }
}

fn unsupported(path: &[u8], kind: &str) -> TarError {
    TarError::Unsupported {
        path: String::from_utf8_lossy(path).into_owned(),
        kind: kind.to_owned(),
    }
}

/// Reads a number that is not negative.
pub(super) fn number(
    header: &Header,
    field: std::ops::Range<usize>,
    at: u64,
    reason: &'static str,
) -> Result<u64, TarError> {
    header
        .number(field)
        .and_then(|size| u64::try_from(size).ok())
        .ok_or(TarError::Header { at, reason })
}
