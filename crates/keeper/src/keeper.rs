//! The keeper's life: set up, one loop, clean up.

mod client;
mod creation;
mod ending;
mod instance;
mod janitor;
mod preflight;
mod refused;
mod requests;
mod signals;
mod state;
mod stock;
mod watchdog;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use coracle_sandbox::Refusal;
use coracle_sandbox::wire::{Connection, Event};

use crate::options::Options;
use crate::process;
use state::Keeper;

/// Runs the keeper until its lease ends.
///
/// `arguments` are what the client put after the hidden verb; standard input is the first client's connection. The
/// calling process must have one thread, and is the keeper's alone from then on: this never returns to a runtime, and
/// standard output and standard error are not written to.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Some(options) = Options::parse(arguments) else {
        return ExitCode::from(2);
    };
    let Ok(first) = first_client() else {
        return ExitCode::from(2);
    };
    // The keeper is a child of the process that was started, which ends at once: nobody has to wait for the keeper, and
    // its parent's end is not its own.
    match process::fork(move || live(options, first)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(71),
    }
}

/// Answers the code with which the keeper ends; its client learns more from the connection.
fn live(options: Options, first: UnixStream) -> i32 {
    match preflight::prepare(&options) {
        Ok(prepared) => Keeper::new(options, prepared, first)
            .and_then(Keeper::run)
            .map_or(70, |()| 0),
        Err(error) => {
            tell_unable(first, &Refusal::of(&error));
            75
        }
    }
}

/// Takes the connection from standard input and leaves `/dev/null` there.
fn first_client() -> io::Result<UnixStream> {
    let socket: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    let null = fs_err::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    let stream = UnixStream::from(socket);
    // Fails if this is no socket: somebody called the hidden verb by hand.
    stream.peer_addr()?;
    Ok(stream)
}

/// A client that does not listen any more needs no explanation.
fn tell_unable(client: UnixStream, refusal: &Refusal) {
    let mut connection = Connection::new(client.into());
    let _ = connection
        .push(&Event::Unable(refusal.clone()), Vec::new())
        .and_then(|()| connection.flush());
}
