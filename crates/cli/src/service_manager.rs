//! What a service manager gives a server and hears from it.
//!
//! It may hold the port before the server runs, so that nobody is refused while the server starts or is replaced
//! (`sd_listen_fds(3)`), and waits to hear when the server takes requests and when it ends (`sd_notify(3)`). Without a
//! service manager there is nothing to take, and what is told is told to nobody.

use std::io::{self, IsTerminal as _};
use std::net::TcpListener;

use coracle_spec::{Class, Failure};
use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

/// What the service manager passed on makes no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActivationError {
    /// It is something else than a listening TCP socket.
    #[error("the service manager passed on something else than a listening TCP socket")]
    Kind(#[source] io::Error),
    /// It is several.
    #[error("the service manager passed on {0} sockets, expected one")]
    Several(usize),
}

impl Failure for ActivationError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        Some("have one `ListenStream=` with a port in the socket unit".to_owned())
    }
}

/// Takes the socket that the service manager holds for this process, if there is one.
pub(crate) fn take_socket() -> Result<Option<TcpListener>, ActivationError> {
    let mut passed = ListenFd::from_env();
    if passed.len() > 1 {
        return Err(ActivationError::Several(passed.len()));
    }
    let socket = passed.take_tcp_listener(0).map_err(ActivationError::Kind)?;
    if let Some(socket) = &socket {
        socket.set_nonblocking(true).map_err(ActivationError::Kind)?;
    }
    Ok(socket)
}

/// Lets the service manager ask for a reload (`SIGHUP`) whether or not there is something to read again: a server without a
/// certificate goes on. At a terminal the signal is a hang-up, and ends the server as it does every program.
pub(crate) fn bear_reloads() {
    if io::stdin().is_terminal() {
        return;
    }
    if let Err(error) = signal(SignalKind::hangup()) {
        tracing::warn!(%error, "a reload would end the server");
    }
}

/// Tells the service manager that requests are taken, and where.
pub(crate) fn tell_ready(address: &str) {
    tell(&[
        NotifyState::Ready,
        NotifyState::Status(&format!("serving at {address}")),
    ]);
}

/// Tells the service manager that the server ends.
pub(crate) fn tell_ending() {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("requests in flight may finish"),
    ]);
}

/// One that does not listen is its own concern.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
