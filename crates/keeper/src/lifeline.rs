//! What the keeper and the first process of a sandbox say to each other.
//!
//! The socket is also how that process learns that the keeper is gone: its end is then closed, and everything in the
//! sandbox ends. A signal on the parent's death would not do, since the parent at creation is a short-lived worker.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use coracle_sandbox::Exit;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What the keeper tells the first process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Command {
    /// Execute the program.
    Start,
    /// Send the program a signal.
    Signal(i32),
}

/// What the first process tells the keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// It waits for [`Command::Start`].
    Ready,
    /// The program was executed.
    Started,
    /// The program was not executed.
    NotStarted(ExecFailure),
    /// The program has ended.
    Ended(Exit),
}

/// Why a program was not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ExecFailure {
    /// There is no such file.
    NotFound,
    /// The file may not be executed.
    NotExecutable,
    /// The file is there, but not the interpreter or loader that it names.
    NoInterpreter,
    /// The file is no program for this machine.
    WrongFormat,
    /// Something else, by its number.
    System(i32),
}

/// Makes both ends.
pub(crate) fn lifeline() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Sends one message without waiting.
pub(crate) fn tell(end: impl AsFd, message: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    send(end, &bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
    Ok(())
}

/// Answers the next message, or `None` when there is none now. The other end's absence is an error.
pub(crate) fn hear<T: DeserializeOwned>(end: impl AsFd) -> io::Result<Option<T>> {
    let mut buffer = [0; 512];
    match recv(end, &mut buffer, RecvFlags::DONTWAIT) {
        Ok((0, _)) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok((length, _)) => Ok(Some(serde_json::from_slice(&buffer[..length])?)),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_borders_and_the_end_is_told() {
        let (keeper, first) = lifeline().unwrap();
        assert_eq!(hear::<Command>(&first).unwrap(), None);
        tell(&keeper, &Command::Start).unwrap();
        tell(&keeper, &Command::Signal(15)).unwrap();
        assert_eq!(hear(&first).unwrap(), Some(Command::Start));
        assert_eq!(hear(&first).unwrap(), Some(Command::Signal(15)));
        drop(keeper);
        assert!(hear::<Command>(&first).is_err());
    }
}
