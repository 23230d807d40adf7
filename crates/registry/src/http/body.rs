//! Bodies of answers: nothing, a few bytes, or a piece of a file.
//!
//! A piece of a file is read ahead by one block, so that the disk and the network work at the same time; no thread is
//! held while the client is slow. The kernel's `sendfile` lost: it needs the connection itself, of which a service
//! knows nothing.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fs_err as fs;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, spawn_blocking};

/// How much is read at once, in bytes.
const BLOCK: usize = 512 << 10;

/// The body of an answer.
#[derive(Debug)]
pub struct Body(Source);

#[derive(Debug)]
enum Source {
    Bytes(Bytes),
    /// No bytes, of a length that the answer to another method would have.
    Length(u64),
    File(Piece),
}

/// A piece of a file on its way.
#[derive(Debug)]
struct Piece {
    reading: Option<JoinHandle<io::Result<Read>>>,
    /// What is not read yet.
    unread: u64,
    /// What is not handed on yet.
    left: u64,
    _place: OwnedSemaphorePermit,
}

/// The file, and what was read of it.
type Read = (fs::File, Vec<u8>);

impl Body {
    /// Makes the body of an answer that has none.
    pub fn empty() -> Self {
        Self(Source::Bytes(Bytes::new()))
    }

    /// Makes no body, and says how long it would be.
    pub(super) fn of_length(length: u64) -> Self {
        Self(Source::Length(length))
    }

    /// Makes a body of `length` bytes of a file, from `start` on.
    pub(super) fn of_file(
        mut file: fs::File,
        (start, length): (u64, u64),
        place: OwnedSemaphorePermit,
    ) -> io::Result<Self> {
        if start > 0 {
            file.seek(SeekFrom::Start(start))?;
        }
        let mut piece = Piece {
            reading: None,
            unread: length,
            left: length,
            _place: place,
        };
        piece.read_ahead(file);
        Ok(Self(Source::File(piece)))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Source::Bytes(bytes))
    }
}

impl Piece {
    fn read_ahead(&mut self, file: fs::File) {
        let most = self.unread.min(BLOCK as u64);
        self.unread -= most;
        if most == 0 {
            return;
        }
        self.reading = Some(spawn_blocking(move || {
            let block = read(&file, most)?;
            Ok((file, block))
        }));
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let read = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        match read.map_err(io::Error::other).flatten() {
            Ok((file, block)) => {
                self.left -= block.len() as u64;
                self.read_ahead(file);
                Poll::Ready(Some(Ok(Bytes::from(block))))
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }
}

/// Reads the next `size` bytes. Through the file itself: what wraps it with its path would have each block filled with
/// zeros first, which is a fifth of what sending one takes.
fn read(file: &fs::File, size: u64) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(BLOCK);
    file.file().take(size).read_to_end(&mut block)?;
    if (block.len() as u64) < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(block)
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.get_mut().0 {
            Source::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Source::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Source::Length(_) => Poll::Ready(None),
            Source::File(piece) => piece
                .poll_next(context)
                .map(|next| next.map(|block| block.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Bytes(bytes) => bytes.is_empty(),
            Source::Length(_) => true,
            Source::File(piece) => piece.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.0 {
            Source::Bytes(bytes) => bytes.len() as u64,
            Source::Length(length) => *length,
            Source::File(piece) => piece.left,
        })
    }
}
