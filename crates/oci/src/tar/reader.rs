//! Reading archives that nobody vouches for: every size is bounded before it is believed.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::BLOCK;
use super::header::{
    CHECKSUM, DEVICE_MAJOR, DEVICE_MINOR, GID, GNU_MAGIC, Header, LINK, MAGIC, MODE, MTIME, NAME,
    POSIX_MAGIC, PREFIX, SIZE, TYPE, UID,
};
use super::writer::padding;
use crate::entry::Metadata;

/// The most that a long name or an extended header may take.
const MAX_EXTENDED: u64 = 1 << 20;

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The bytes could not be read.
    #[error("cannot read the archive")]
    Read(#[from] io::Error),
    /// It ends amid an entry, or without the two empty blocks that end an archive.
    #[error("the archive is cut off after {at} bytes")]
    CutOff {
        /// How many bytes there were.
        at: u64,
    },
    /// A header is not one.
    #[error("the header at byte {at} is broken: {reason}")]
    Header {
        /// Where it starts.
        at: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An entry is of a kind that has no place in a layer.
    #[error("the entry `{path}` is {kind}, which is not supported")]
    Unsupported {
        /// The entry's path.
        path: String,
        /// What it is.
        kind: String,
    },
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file; its contents follow.
    File,
    /// A symbolic link.
    Symlink {
        /// What it points to.
        target: Vec<u8>,
    },
    /// A further name of a file.
    HardLink {
        /// The file's path in the archive.
        target: Vec<u8>,
    },
    /// A character device.
    Character {
        /// The major and minor numbers.
        device: (u32, u32),
    },
    /// A block device.
    Block {
        /// The major and minor numbers.
        device: (u32, u32),
    },
    /// A named pipe.
    Pipe,
}

/// An entry's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path as the archive says it.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// How many bytes of contents follow.
    pub size: u64,
    /// Its attributes.
    pub metadata: Metadata,
}

/// Reads an archive entry by entry. After [`Reader::next`], `Read` answers the entry's contents.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    position: u64,
    /// How much of the current entry's contents is unread.
    contents: u64,
    padding: usize,
}

/// What headers before an entry's own said of it.
#[derive(Debug, Default)]
struct Ahead {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl<R: Read> Reader<R> {
    /// Starts at the beginning of an archive.
    pub fn new(input: R) -> Self {
        Self {
            input,
            position: 0,
            contents: 0,
            padding: 0,
        }
    }

    /// Answers the next entry, skipping what is unread of the current one; `None` at the archive's end.
    #[expect(
        clippy::should_implement_trait,
        reason = "an entry's contents borrow the reader"
    )]
    pub fn next(&mut self) -> Result<Option<Entry>, TarError> {
        let mut ahead = Ahead::default();
        loop {
            self.skip_contents()?;
            let at = self.position;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let size = number(&header, SIZE, at, "its size is no number")?;
            match header.0[TYPE] {
                b'x' => ahead.records.extend(self.records(at, size)?),
                // Global headers carry comments (`git archive`); nothing in them belongs in a layer.
                b'g' => drop(self.records(at, size)?),
                b'L' => ahead.path = Some(self.long_text(at, size)?),
                b'K' => ahead.link = Some(self.long_text(at, size)?),
                _ => return self.entry(&header, at, ahead).map(Some),
            }
        }
    }

    /// Answers the reader beneath, to read what follows the archive's end.
    pub fn into_inner(self) -> R {
        self.input
    }

    fn entry(&mut self, header: &Header, at: u64, ahead: Ahead) -> Result<Entry, TarError> {
        let mut fields = Fields { header, at, ahead };
        let path = fields.path();
        let size = fields.size()?;
        let kind = fields.kind(&path)?;
        let metadata = fields.metadata()?;
        let has_contents = kind == Kind::File;
        self.contents = if has_contents { size } else { 0 };
        self.padding = if has_contents { padding(size) } else { 0 };
        Ok(Entry {
            path,
            kind,
            size: self.contents,
            metadata,
        })
    }

    /// Reads a header; `None` for the two empty blocks at the end.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        let at = self.position;
        let mut header = Header([0; BLOCK]);
        self.exactly(&mut header.0)?;
        if header.0.iter().all(|byte| *byte == 0) {
            self.exactly(&mut header.0)?;
            let empty = header.0.iter().all(|byte| *byte == 0);
            return if empty {
                Ok(None)
            } else {
                Err(TarError::Header {
                    at,
                    reason: "it is empty",
                })
            };
        }
        if header.number(CHECKSUM) != i64::try_from(header.checksum()).ok() {
            return Err(TarError::Header {
                at,
                reason: "its checksum does not fit",
            });
        }
        Ok(Some(header))
    }

    fn exactly(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.input.read(&mut buffer[filled..]) {
                Ok(0) => return Err(TarError::CutOff { at: self.position }),
                Ok(count) => {
                    filled += count;
                    self.position += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn skip_contents(&mut self) -> Result<(), TarError> {
        let mut buffer = [0; 8 << 10];
        while self.contents > 0 {
            let count = usize::try_from(self.contents)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            self.exactly(&mut buffer[..count])?;
            self.contents -= count as u64;
        }
        let padding = std::mem::take(&mut self.padding);
        self.exactly(&mut buffer[..padding])
    }

    fn extended(&mut self, at: u64, size: u64) -> Result<Vec<u8>, TarError> {
        if size > MAX_EXTENDED {
            return Err(TarError::Header {
                at,
                reason: "its extension is larger than 1 MiB",
            });
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        self.exactly(&mut bytes)?;
        self.padding = padding(size);
        Ok(bytes)
    }

    fn long_text(&mut self, at: u64, size: u64) -> Result<Vec<u8>, TarError> {
        let mut text = self.extended(at, size)?;
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        text.truncate(end);
        Ok(text)
    }

    fn records(&mut self, at: u64, size: u64) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, TarError> {
        let bytes = self.extended(at, size)?;
        parse_records(&bytes).ok_or(TarError::Header {
            at,
            reason: "its extended records are malformed",
        })
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.contents)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.input.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                TarError::CutOff { at: self.position },
            ));
        }
        self.position += count as u64;
        self.contents -= count as u64;
        Ok(count)
    }
}

/// A header with what came before it.
struct Fields<'a> {
    header: &'a Header,
    at: u64,
    ahead: Ahead,
}

impl Fields<'_> {
    fn path(&mut self) -> Vec<u8> {
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

    fn size(&mut self) -> Result<u64, TarError> {
        match self.ahead.records.remove(b"size".as_slice()) {
            Some(text) => decimal(&text).ok_or_else(|| self.broken("its size is no number")),
            None => number(self.header, SIZE, self.at, "its size is no number"),
        }
    }

    fn kind(&mut self, path: &[u8]) -> Result<Kind, TarError> {
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

    fn metadata(&mut self) -> Result<Metadata, TarError> {
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
            if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
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

fn number(
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

fn decimal(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.starts_with('+') {
        None
    } else {
        text.parse().ok()
    }
}

/// Reads seconds with an optional fraction, rounding towards the past.
fn whole_seconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let is_past = whole.starts_with('-') && fraction.bytes().any(|byte| byte != b'0');
    if is_past {
        seconds.checked_sub(1)
    } else {
        Some(seconds)
    }
}

/// Reads `LENGTH KEY=VALUE\n`, again and again. A record with an empty value takes the key back.
fn parse_records(mut bytes: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut records = BTreeMap::new();
    while !bytes.is_empty() {
        let space = bytes.iter().take(8).position(|byte| *byte == b' ')?;
        let length = usize::try_from(decimal(&bytes[..space])?).ok()?;
        let (record, rest) = bytes.split_at_checked(length)?;
        let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        records.insert(record[..equals].to_vec(), record[equals + 1..].to_vec());
        bytes = rest;
    }
    Some(records)
}
