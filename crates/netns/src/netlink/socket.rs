//! A netlink socket and its three conversations: do this, list that, change all of these or none.
//!
//! Each conversation reads until the kernel has answered every message of it. The kernel answers within the
//! system call that sends, so the time limit is there for the unexpected only.

use std::os::fd::{AsRawFd, OwnedFd};

use coracle_spec::{Class, Failure};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use super::Message;
use super::message::HEADER;
use crate::namespace::{Netns, NetnsError};

const ANSWER_WITHIN_SECONDS: i64 = 10;
/// How often a list that changed while it was read is read again.
const DUMP_ATTEMPTS: usize = 8;

/// Why the kernel did not do what a message asked.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// No socket to ask through.
    #[error("cannot open a netlink socket")]
    Socket(#[source] Errno),
    /// The namespace to open it in cannot be entered.
    #[error("cannot open a netlink socket")]
    Namespace(#[source] NetnsError),
    /// The kernel refused.
    #[error("cannot {what}")]
    Refused {
        /// What was asked.
        what: String,
        /// The kernel's reason.
        #[source]
        errno: Errno,
    },
}

impl NetlinkError {
    /// Answers the kernel's reason, if it is the kernel that refused.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused { errno, .. } => Some(*errno),
            _ => None,
        }
    }
}

impl Failure for NetlinkError {
    fn class(&self) -> Class {
        match self {
            Self::Namespace(error) => error.class(),
            _ => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self.errno()? {
            Errno::EPERM | Errno::EACCES => {
                Some("changing the network needs root (CAP_NET_ADMIN)".to_owned())
            }
            Errno::EOPNOTSUPP | Errno::EPROTONOSUPPORT => {
                Some("the kernel needs veth and nftables with NAT (Linux 5.12 or newer)".to_owned())
            }
            _ => None,
        }
    }
}

/// An answer of the kernel: the message's type and what follows its header.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    sequence: u32,
    pub(crate) payload: Vec<u8>,
}

/// A netlink socket of one protocol, in the namespace where it was opened.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in the namespace of the calling thread.
    pub(crate) fn open(protocol: SockProtocol) -> Result<Self, NetlinkError> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            protocol,
        )
        .map_err(NetlinkError::Socket)?;
        let limit = TimeVal::new(ANSWER_WITHIN_SECONDS, 0);
        setsockopt(&socket, sockopt::ReceiveTimeout, &limit).map_err(NetlinkError::Socket)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Opens a socket in `namespace`.
    pub(crate) fn open_in(namespace: &Netns, protocol: SockProtocol) -> Result<Self, NetlinkError> {
        namespace
            .run(|| Self::open(protocol))
            .map_err(NetlinkError::Namespace)?
    }

    /// Has the kernel do each of `messages` in turn. Goes on after one that fails, and answers its error.
    pub(crate) fn execute(&mut self, messages: &[Message]) -> Result<(), NetlinkError> {
        let first = self.sequence + 1;
        let mut bytes = Vec::new();
        self.write(messages, &mut bytes);
        let what = messages
            .first()
            .map_or("change the network", |message| &message.what);
        self.send(&bytes, what)?;
        self.acknowledged(messages, first)
    }

    /// Has the kernel do all of `messages` or none: an nfnetlink batch between `begin` and `end`.
    pub(crate) fn execute_all_or_none(
        &mut self,
        begin: &Message,
        messages: &[Message],
        end: &Message,
    ) -> Result<(), NetlinkError> {
        let mut bytes = Vec::new();
        self.sequence += 1;
        begin.write(self.sequence, &mut bytes);
        let first = self.sequence + 1;
        self.write(messages, &mut bytes);
        self.sequence += 1;
        end.write(self.sequence, &mut bytes);
        self.send(&bytes, &begin.what)?;
        self.acknowledged(messages, first)
    }

    /// Appends messages that the kernel is to acknowledge.
    fn write(&mut self, messages: &[Message], bytes: &mut Vec<u8>) {
        for message in messages {
            self.sequence += 1;
            let acknowledged = message.clone().flags(libc::NLM_F_ACK);
            acknowledged.write(self.sequence, bytes);
        }
    }

    /// Answers everything that `message` asks the kernel to list.
    pub(crate) fn dump(&mut self, message: &Message) -> Result<Vec<Reply>, NetlinkError> {
        for _ in 0..DUMP_ATTEMPTS {
            if let Some(replies) = self.dump_once(message)? {
                return Ok(replies);
            }
        }
        Err(refused(&message.what, Errno::EAGAIN))
    }

    /// Answers the one thing that `message` asks for, or nothing if the kernel knows none.
    pub(crate) fn get(&mut self, message: &Message) -> Result<Option<Reply>, NetlinkError> {
        self.sequence += 1;
        let mut bytes = Vec::new();
        message.write(self.sequence, &mut bytes);
        self.send(&bytes, &message.what)?;
        loop {
            for reply in self.receive(&message.what)? {
                if reply.sequence != self.sequence {
                    continue;
                }
                return match reply.verdict() {
                    None => Ok(Some(reply)),
                    Some(Ok(()) | Err(Errno::ENOENT | Errno::ENODEV)) => Ok(None),
                    Some(Err(errno)) => Err(refused(&message.what, errno)),
                };
            }
        }
    }

    fn dump_once(&mut self, message: &Message) -> Result<Option<Vec<Reply>>, NetlinkError> {
        self.sequence += 1;
        let mut bytes = Vec::new();
        message
            .clone()
            .flags(libc::NLM_F_DUMP)
            .write(self.sequence, &mut bytes);
        self.send(&bytes, &message.what)?;
        let mut list = Vec::new();
        let mut interrupted = false;
        loop {
            for reply in self.receive(&message.what)? {
                if reply.sequence != self.sequence {
                    continue;
                }
                interrupted |= i32::from(reply.flags) & libc::NLM_F_DUMP_INTR != 0;
                match reply.verdict() {
                    Some(Err(errno)) => return Err(refused(&message.what, errno)),
                    None if i32::from(reply.kind) != libc::NLMSG_DONE => list.push(reply),
                    _ => return Ok((!interrupted).then_some(list)),
                }
            }
        }
    }

    /// Waits for the acknowledgement of each of `messages`, the first of which has the number `first`.
    fn acknowledged(&mut self, messages: &[Message], first: u32) -> Result<(), NetlinkError> {
        let mut missing = messages.len();
        let mut failed = None;
        while missing > 0 {
            for reply in self.receive(
                messages
                    .first()
                    .map_or("change the network", |message| &message.what),
            )? {
                let Some(verdict) = reply.verdict().filter(|_| reply.sequence + 1 >= first) else {
                    continue;
                };
                let message = messages.get((reply.sequence.wrapping_sub(first)) as usize);
                missing -= usize::from(message.is_some());
                if let Err(errno) = verdict {
                    let what = message.map_or("change the forwarding rules", |message| &message.what);
                    failed.get_or_insert_with(|| refused(what, errno));
                }
                if message.is_none() && failed.is_some() {
                    // The kernel refused the batch as a whole and says nothing about its messages.
                    missing = 0;
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn send(&self, bytes: &[u8], what: &str) -> Result<(), NetlinkError> {
        send(self.socket.as_raw_fd(), bytes, MsgFlags::empty()).map_err(|errno| refused(what, errno))?;
        Ok(())
    }

    fn receive(&self, what: &str) -> Result<Vec<Reply>, NetlinkError> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) => return Ok(replies(&buffer[..length])),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(refused(what, errno)),
            }
        }
    }
}

impl Reply {
    /// Answers the kernel's verdict on a message, if this is one.
    fn verdict(&self) -> Option<Result<(), Errno>> {
        if i32::from(self.kind) != libc::NLMSG_ERROR {
            return None;
        }
        match self
            .payload
            .first_chunk()
            .map_or(0, |bytes| i32::from_ne_bytes(*bytes))
        {
            0 => Some(Ok(())),
            code => Some(Err(Errno::from_raw(-code))),
        }
    }
}

fn refused(what: &str, errno: Errno) -> NetlinkError {
    NetlinkError::Refused {
        what: what.to_owned(),
        errno,
    }
}

/// Takes a datagram apart. Ends where it is malformed.
fn replies(mut bytes: &[u8]) -> Vec<Reply> {
    let mut list = Vec::new();
    while let Some((reply, length)) = first_reply(bytes) {
        list.push(reply);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    list
}

fn first_reply(bytes: &[u8]) -> Option<(Reply, usize)> {
    let header: &[u8; HEADER] = bytes.first_chunk()?;
    let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
    let payload = bytes.get(HEADER..length)?.to_vec();
    let reply = Reply {
        kind: u16::from_ne_bytes([header[4], header[5]]),
        flags: u16::from_ne_bytes([header[6], header[7]]),
        sequence: u32::from_ne_bytes([header[8], header[9], header[10], header[11]]),
        payload,
    };
    Some((reply, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_verdict_is_read_and_so_is_what_follows_it() {
        let mut bytes = Vec::new();
        let error = u16::try_from(libc::NLMSG_ERROR).unwrap();
        Message::new("", error, &(-libc::EEXIST).to_ne_bytes()).write(7, &mut bytes);
        Message::new("", error, &0_i32.to_ne_bytes()).write(8, &mut bytes);
        Message::new("", libc::RTM_NEWLINK, &[]).write(9, &mut bytes);
        let verdicts: Vec<_> = replies(&bytes)
            .iter()
            .map(|reply| (reply.sequence, reply.verdict()))
            .collect();
        assert_eq!(
            verdicts,
            [(7, Some(Err(Errno::EEXIST))), (8, Some(Ok(()))), (9, None)]
        );
    }

    proptest! {
        #[test]
        fn any_datagram_can_be_taken_apart(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(replies(&bytes).len() <= bytes.len() / HEADER);
        }
    }
}
