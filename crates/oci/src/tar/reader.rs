//! Reading archives that nobody vouches for: every size is bounded before it is believed.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::BLOCK;
use super::entry::{Entry, Kind};
use super::error::TarError;
use super::fields::{Ahead, Fields, number};
use super::header::{CHECKSUM, Header, SIZE, TYPE};
use super::records;
use super::writer::padding;

/// The most that a long name or an extended header may take.
const MAX_EXTENDED: u64 = 1 << 20;

/// Reads an archive entry by entry. After [`Reader::next`], `Read` answers the entry's contents.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    position: u64,
    /// How much of the current entry's contents is unread.
    contents: u64,
    padding: usize,
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
                b'x' => ahead.add(self.records(at, size)?),
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
        records::parse(&bytes).ok_or(TarError::Header {
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
