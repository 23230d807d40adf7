//! Ctrl-C and a polite end by the system.

use std::io;

use coracle_spec::{Class, Failure};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears SIGINT and SIGTERM from when it is made.
pub(crate) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

/// Signals cannot be heard.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for Ctrl-C")]
pub(crate) struct InterruptError(#[source] io::Error);

impl Failure for InterruptError {
    fn class(&self) -> Class {
        Class::Internal
    }
}

impl Interrupt {
    /// Starts to listen: from now on the signals no longer end the process.
    pub(crate) fn listen() -> Result<Self, InterruptError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(InterruptError)?,
            terminate: signal(SignalKind::terminate()).map_err(InterruptError)?,
        })
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
