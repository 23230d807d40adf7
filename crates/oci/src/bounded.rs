//! Input of which only so much is taken: what a small archive unpacks to is known only once it is read.

use std::io::{self, Read};

use coracle_spec::ByteSize;

/// Reads until a limit; more is an error, not an end.
#[derive(Debug)]
pub(crate) struct Bounded<R> {
    input: R,
    count: u64,
    limit: ByteSize,
}

/// More was read than is taken.
#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than {} bytes", .0.bytes())]
struct LimitReached(ByteSize);

impl<R: Read> Bounded<R> {
    pub(crate) fn new(input: R, limit: ByteSize) -> Self {
        Self {
            input,
            count: 0,
            limit,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.count += count as u64;
        if self.count > self.limit.bytes() {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                LimitReached(self.limit),
            ));
        }
        Ok(count)
    }
}
