//! Ctrl-C and a polite end by the system.

use std::io;

use coracle_spec::{Class, Failure};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears SIGINT and SIGTERM from when it is made.
#[cfg(unix)]
pub(crate) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

/// Hears Ctrl-C from when it is made.
#[cfg(windows)]
pub(crate) struct Interrupt(tokio::signal::windows::CtrlC);

/// Signals cannot be heard.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for Ctrl-C")]
pub(crate) struct InterruptError(#[source] io::Error);

impl Failure for InterruptError {
    fn class(&self) -> Class {
        Class::Internal
    }
}

#[cfg(unix)]
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

#[cfg(windows)]
impl Interrupt {
    /// Starts to listen: from now on Ctrl-C no longer ends the process.
    pub(crate) fn listen() -> Result<Self, InterruptError> {
        tokio::signal::windows::ctrl_c().map(Self).map_err(InterruptError)
    }

    /// Waits for the next Ctrl-C.
    pub(crate) async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}

/// The user ended the build.
#[derive(Debug, thiserror::Error)]
#[error("the build was interrupted")]
pub(crate) struct Interrupted;

impl Failure for Interrupted {
    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn hint(&self) -> Option<String> {
        Some("the next build goes on from the steps that were finished".to_owned())
    }
}
