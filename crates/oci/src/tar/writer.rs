//! Writing: the headers of one entry, the same bytes for the same entry wherever it is written.

use std::collections::BTreeMap;

use super::BLOCK;
use super::header::{
    DEVICE_MAJOR, DEVICE_MINOR, GID, Header, LINK, MODE, MTIME, NAME, PREFIX, SIZE, TYPE, UID,
};
use crate::entry::Metadata;

/// What kind of entry it is, with what its header says of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    Directory,
    File { size: u64 },
    Symlink { target: &'a [u8] },
    HardLink { target: &'a [u8] },
    Pipe,
}

/// Answers the headers of the entry `path`, a relative path. The contents and [`padding`] follow.
pub(crate) fn encode(path: &[u8], body: Body<'_>, metadata: &Metadata) -> Vec<u8> {
    let mut name = path.to_vec();
    if matches!(body, Body::Directory) {
        name.push(b'/');
    }
    let mut header = Header::empty();
    let mut extended = Extended::default();
    put_name(&mut header, &mut extended, &name);
    put_body(&mut header, &mut extended, body);
    put_metadata(&mut header, &mut extended, metadata);
    header.seal();
    let mut bytes = extended.encode();
    bytes.extend_from_slice(&header.0);
    bytes
}

/// Answers how many zero bytes follow contents of `size` bytes.
pub(crate) fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    (BLOCK - over) % BLOCK
}

fn put_name(header: &mut Header, extended: &mut Extended, name: &[u8]) {
    if name.len() <= NAME.len() {
        header.set_text(NAME, name);
    } else if let Some((prefix, rest)) = split(name) {
        header.set_text(PREFIX, prefix);
        header.set_text(NAME, rest);
    } else {
        extended.put("path", name);
        header.set_text(NAME, &name[..NAME.len()]);
    }
}

/// Splits a long name at a slash so that both parts fit their fields.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let earliest = name.len().checked_sub(NAME.len() + 1)?;
    let at =
        (earliest..name.len().min(PREFIX.len() + 1)).find(|at| name[*at] == b'/' && *at + 1 < name.len())?;
    (at > 0).then(|| (&name[..at], &name[at + 1..]))
}

fn put_body(header: &mut Header, extended: &mut Extended, body: Body<'_>) {
    let (kind, size, link): (u8, u64, &[u8]) = match body {
        Body::Directory => (b'5', 0, b""),
        Body::File { size } => (b'0', size, b""),
        Body::Symlink { target } => (b'2', 0, target),
        Body::HardLink { target } => (b'1', 0, target),
        Body::Pipe => (b'6', 0, b""),
    };
    header.0[TYPE] = kind;
    put_number(
        header,
        extended,
        Number {
            field: SIZE,
            key: "size",
            value: size,
        },
    );
    if link.len() <= LINK.len() {
        header.set_text(LINK, link);
    } else {
        extended.put("linkpath", link);
        header.set_text(LINK, &link[..LINK.len()]);
    }
}

fn put_metadata(header: &mut Header, extended: &mut Extended, metadata: &Metadata) {
    header.set_number(MODE, u64::from(metadata.mode & 0o7777));
    put_number(
        header,
        extended,
        Number {
            field: UID,
            key: "uid",
            value: u64::from(metadata.uid),
        },
    );
    put_number(
        header,
        extended,
        Number {
            field: GID,
            key: "gid",
            value: u64::from(metadata.gid),
        },
    );
    let mtime = u64::try_from(metadata.mtime).ok();
    if !mtime.is_some_and(|mtime| header.set_number(MTIME, mtime)) {
        header.set_number(MTIME, 0);
        extended.put("mtime", metadata.mtime.to_string().as_bytes());
    }
    header.set_number(DEVICE_MAJOR, 0);
    header.set_number(DEVICE_MINOR, 0);
    for (name, value) in &metadata.xattrs {
        extended.put(&format!("SCHILY.xattr.{name}"), value);
    }
}

struct Number {
    field: std::ops::Range<usize>,
    key: &'static str,
    value: u64,
}

fn put_number(header: &mut Header, extended: &mut Extended, number: Number) {
    if !header.set_number(number.field.clone(), number.value) {
        header.set_number(number.field, 0);
        extended.put(number.key, number.value.to_string().as_bytes());
    }
}

/// The records of a `pax` extended header, sorted by key.
#[derive(Default)]
struct Extended(BTreeMap<String, Vec<u8>>);

impl Extended {
    fn put(&mut self, key: &str, value: &[u8]) {
        self.0.insert(key.to_owned(), value.to_vec());
    }

    fn encode(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let records: Vec<u8> = self
            .0
            .iter()
            .flat_map(|(key, value)| record(key, value))
            .collect();
        let mut header = Header::empty();
        header.set_text(NAME, b"PaxHeaders.0/entry");
        header.0[TYPE] = b'x';
        for (field, value) in [
            (MODE, 0o644),
            (UID, 0),
            (GID, 0),
            (MTIME, 0),
            (DEVICE_MAJOR, 0),
            (DEVICE_MINOR, 0),
        ] {
            header.set_number(field, value);
        }
        header.set_number(SIZE, records.len() as u64);
        header.seal();
        let mut bytes = header.0.to_vec();
        bytes.extend_from_slice(&records);
        bytes.resize(bytes.len() + padding(records.len() as u64), 0);
        bytes
    }
}

/// Writes `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    let mut bytes = format!("{length} {key}=").into_bytes();
    bytes.extend_from_slice(value);
    bytes.push(b'\n');
    bytes
}
