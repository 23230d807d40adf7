//! The keeper's clients: the server that started it, and servers that come later.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use coracle_sandbox::Refusal;
use coracle_sandbox::wire::{Answer, Connection, Event};
use fs_err as fs;

use crate::options::Options;

/// Who asked, and for what: where an answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    /// The client.
    pub(super) client: u64,
    /// The number of its request.
    pub(super) number: u64,
}

impl Caller {
    /// Answers the event that carries the answer.
    pub(super) fn reply(self, answer: Result<Answer, Refusal>) -> Event {
        Event::Reply {
            number: self.number,
            answer,
        }
    }
}

/// Opens the socket on which later clients come, in place of one that a dead keeper left.
pub(super) fn listen(options: &Options) -> io::Result<UnixListener> {
    fs::create_dir_all(&options.run_directory)?;
    let path = options.socket();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers the next client that has come, if it is of the same user.
pub(super) fn accept(listener: &OwnedFd) -> io::Result<Option<UnixStream>> {
    let accepted = rustix::net::accept_with(listener, rustix::net::SocketFlags::CLOEXEC);
    let stream = match accepted {
        Ok(socket) => UnixStream::from(socket),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => {
            return Ok(None);
        }
        Err(errno) => return Err(errno.into()),
    };
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    Ok((peer.uid == rustix::process::geteuid()).then_some(stream))
}

/// Makes a connection of a client's socket.
pub(super) fn connection(stream: UnixStream) -> io::Result<Connection> {
    stream.set_nonblocking(true)?;
    Ok(Connection::new(stream.into()))
}
