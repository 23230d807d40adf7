//! Frames on a stream socket: four bytes of length (little endian), then that many bytes of JSON. Descriptors travel
//! with the first byte of their frame.
//!
//! Nothing here blocks when the socket does not, so that the keeper's single thread and the client's runtime share
//! it. A packet socket would frame by itself, but bounds a message by the socket's buffer, and secrets may be larger.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest frame that is accepted.
const MAX_FRAME: usize = 16 << 20;
/// The most bytes that wait for a peer that does not read.
const MAX_BACKLOG: usize = 64 << 20;
/// The most descriptors beside one frame.
const MAX_DESCRIPTORS: usize = 8;
const HEADER: usize = 4;

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other side has gone.
    #[error("the other side closed the connection")]
    Closed,
    /// A frame is larger than is accepted.
    #[error("a message of {0} bytes is larger than is accepted")]
    TooLarge(usize),
    /// The other side does not read.
    #[error("the other side does not read what it is sent")]
    Backlog,
    /// A message is not what the protocol says.
    #[error("a message cannot be read")]
    Malformed(#[from] serde_json::Error),
    /// The socket failed.
    #[error("the socket failed")]
    Socket(#[from] io::Error),
}

/// A message and the descriptors that came with it.
#[derive(Debug)]
pub struct Received<T> {
    /// The message.
    pub message: T,
    /// The descriptors, in the order in which they were sent.
    pub descriptors: Vec<OwnedFd>,
}

/// One side of a connection.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    incoming: Vec<u8>,
    descriptors: Vec<OwnedFd>,
    outgoing: VecDeque<Frame>,
    backlog: usize,
}

#[derive(Debug)]
struct Frame {
    bytes: Vec<u8>,
    sent: usize,
    descriptors: Vec<OwnedFd>,
}

impl Connection {
    /// Speaks on `socket`, a connected stream socket.
    pub fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            incoming: Vec::new(),
            descriptors: Vec::new(),
            outgoing: VecDeque::new(),
            backlog: 0,
        }
    }

    /// Queues `message`; [`Connection::flush`] sends it.
    pub fn push(&mut self, message: &impl Serialize, descriptors: Vec<OwnedFd>) -> Result<(), WireError> {
        let mut bytes = vec![0; HEADER];
        serde_json::to_writer(&mut bytes, message)?;
        let length = bytes.len() - HEADER;
        let header = u32::try_from(length)
            .ok()
            .filter(|_| length <= MAX_FRAME)
            .ok_or(WireError::TooLarge(length))?;
        bytes[..HEADER].copy_from_slice(&header.to_le_bytes());
        self.backlog += bytes.len();
        if self.backlog > MAX_BACKLOG {
            return Err(WireError::Backlog);
        }
        self.outgoing.push_back(Frame {
            bytes,
            sent: 0,
            descriptors,
        });
        Ok(())
    }

    /// Answers whether something waits to be sent.
    pub fn has_backlog(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Sends what is queued; answers whether all of it went out. On a blocking socket, it did.
    pub fn flush(&mut self) -> Result<bool, WireError> {
        while let Some(frame) = self.outgoing.front_mut() {
            match frame.send(self.socket.as_fd()) {
                Ok(0) | Err(Errno::PIPE | Errno::CONNRESET) => return Err(WireError::Closed),
                Ok(count) => self.backlog -= count,
                Err(Errno::AGAIN) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(io::Error::from(errno).into()),
            }
            if frame.is_sent() {
                self.outgoing.pop_front();
            }
        }
        Ok(true)
    }

    /// Answers the next message, or `None` when it has not arrived; on a blocking socket, waits for it.
    pub fn receive<T: DeserializeOwned>(&mut self) -> Result<Option<Received<T>>, WireError> {
        loop {
            if let Some(frame) = self.take_frame()? {
                return Ok(Some(frame));
            }
            match self.fill() {
                Ok(0) | Err(Errno::CONNRESET) => return Err(WireError::Closed),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(io::Error::from(errno).into()),
            }
        }
    }

    /// Reads at most to the end of the frame at hand, so that descriptors never run ahead of their frame.
    fn fill(&mut self) -> rustix::io::Result<usize> {
        let wanted = self.missing().min(64 << 10);
        let start = self.incoming.len();
        self.incoming.resize(start + wanted, 0);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let buffer = IoSliceMut::new(&mut self.incoming[start..]);
        let result = recvmsg(&self.socket, &mut [buffer], &mut control, RecvFlags::CMSG_CLOEXEC);
        let count = result.as_ref().map_or(0, |received| received.bytes);
        self.incoming.truncate(start + count);
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        result.map(|_| count)
    }

    fn missing(&self) -> usize {
        match self.length() {
            None => HEADER - self.incoming.len(),
            Some(length) => HEADER + length - self.incoming.len(),
        }
    }

    fn length(&self) -> Option<usize> {
        let header = self.incoming.first_chunk::<HEADER>()?;
        Some(u32::from_le_bytes(*header) as usize)
    }

    fn take_frame<T: DeserializeOwned>(&mut self) -> Result<Option<Received<T>>, WireError> {
        let Some(length) = self.length() else {
            return Ok(None);
        };
        if length > MAX_FRAME {
            return Err(WireError::TooLarge(length));
        }
        if self.incoming.len() < HEADER + length {
            return Ok(None);
        }
        let message = serde_json::from_slice(&self.incoming[HEADER..])?;
        self.incoming.clear();
        Ok(Some(Received {
            message,
            descriptors: std::mem::take(&mut self.descriptors),
        }))
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl std::os::fd::AsRawFd for Connection {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.socket.as_raw_fd()
    }
}

impl Frame {
    fn send(&mut self, socket: BorrowedFd<'_>) -> rustix::io::Result<usize> {
        let borrowed: Vec<BorrowedFd<'_>> = self.descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
            return Err(Errno::INVAL);
        }
        let count = sendmsg(
            socket,
            &[IoSlice::new(&self.bytes[self.sent..])],
            &mut control,
            SendFlags::NOSIGNAL,
        )?;
        self.sent += count;
        self.descriptors.clear();
        Ok(count)
    }

    fn is_sent(&self) -> bool {
        self.sent == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (Connection, Connection) {
        let (one, other) = UnixStream::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        other.set_nonblocking(true).unwrap();
        (Connection::new(one.into()), Connection::new(other.into()))
    }

    #[test]
    fn messages_arrive_in_order_each_with_its_own_descriptors() {
        let (mut one, mut other) = pair();
        for word in ["first", "second", "third"] {
            let (mut reader, writer) = std::io::pipe().unwrap();
            std::io::Write::write_all(&mut &writer, word.as_bytes()).unwrap();
            drop(writer);
            let descriptors = if word == "second" {
                vec![]
            } else {
                vec![reader.try_clone().unwrap().into()]
            };
            one.push(&word, descriptors).unwrap();
            let _ = reader.read(&mut []);
        }
        assert!(one.flush().unwrap());
        for word in ["first", "second", "third"] {
            let received = other.receive::<String>().unwrap().unwrap();
            assert_eq!(received.message, word);
            assert_eq!(received.descriptors.len(), usize::from(word != "second"));
            for descriptor in received.descriptors {
                let mut text = String::new();
                std::fs::File::from(descriptor).read_to_string(&mut text).unwrap();
                assert_eq!(text, word);
            }
        }
        assert!(other.receive::<String>().unwrap().is_none());
    }

    #[test]
    fn a_message_larger_than_the_sockets_buffer_arrives_in_parts() {
        let (mut one, mut other) = pair();
        let text = "x".repeat(3 << 20);
        one.push(&text, Vec::new()).unwrap();
        let received = loop {
            one.flush().unwrap();
            if let Some(received) = other.receive::<String>().unwrap() {
                break received;
            }
        };
        assert_eq!(received.message.len(), text.len());
    }

    #[test]
    fn a_closed_side_and_an_oversized_frame_are_told_apart() {
        let (one, mut other) = pair();
        drop(one);
        assert!(matches!(other.receive::<String>(), Err(WireError::Closed)));

        let (one, mut other) = pair();
        rustix::io::write(&one, &u32::MAX.to_le_bytes()).unwrap();
        assert!(matches!(other.receive::<String>(), Err(WireError::TooLarge(_))));
    }
}
