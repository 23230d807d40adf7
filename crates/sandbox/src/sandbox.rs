//! The interface of sandboxes.
//!
//! ```text
//! create → created ──start──► running ⇄ frozen ──► exited ──remove──► gone
//! ```
//! A sandbox that is created but not started waits with everything in place; starting it costs one message.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coracle_netns::Netns;
use coracle_spec::Cpu;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::net::unix::pipe;

use crate::error::{CreateError, SandboxError, StartError};
use crate::id::SandboxId;
use crate::spec::SandboxSpec;

/// How long what knows no better way pauses before it tries again whether somebody listens.
const BETWEEN_DIALS: Duration = Duration::from_millis(1);

/// Creates sandboxes.
#[async_trait]
pub trait Sandboxes: Send + Sync {
    /// Creates a sandbox with everything in place, but does not start its program.
    async fn create(&self, spec: SandboxSpec) -> Result<Arc<dyn Sandbox>, CreateError>;
}

/// A sandbox. Dropping it does not end it: [`Sandbox::remove`] does.
#[async_trait]
pub trait Sandbox: Send + Sync + fmt::Debug {
    /// Answers its name.
    fn id(&self) -> &SandboxId;

    /// Starts the program; answers once the kernel has accepted it, or why it has not.
    async fn start(&self) -> Result<(), StartError>;

    /// Sends a signal to the program, as its parent would.
    async fn signal(&self, signal: i32) -> Result<(), SandboxError>;

    /// Ends the program: asks it to (its stop signal), and after `grace` kills everything in the sandbox. A frozen one is
    /// thawed first.
    async fn stop(&self, grace: Duration) -> Result<Exit, SandboxError>;

    /// Waits until the program has ended; answers at once when it has.
    async fn wait(&self) -> Result<Exit, SandboxError>;

    /// Stops the clock for all of its processes.
    async fn freeze(&self) -> Result<(), SandboxError>;

    /// Undoes [`Sandbox::freeze`].
    async fn thaw(&self) -> Result<(), SandboxError>;

    /// Limits the processor time from now on: for a limit that is not to slow down the start. What cannot limit it by
    /// itself does nothing.
    async fn limit_cpu(&self, _cpu: Cpu) -> Result<(), SandboxError> {
        Ok(())
    }

    /// Takes what the program prints. `None` when it was taken before.
    fn output(&self) -> Option<Output>;

    /// Answers its network namespace, for services that the platform offers inside; `None` for a sandbox that has no
    /// network namespace of its own.
    fn network(&self) -> Option<Netns> {
        None
    }

    /// Connects to a port that something inside listens on, at `127.0.0.1` or `[::1]`.
    async fn dial(&self, port: u16) -> Result<TcpStream, SandboxError>;

    /// Connects as [`Sandbox::dial`] does once somebody listens, however long that takes: who waits for it gives up by
    /// dropping the future, at a deadline or when the program has ended.
    async fn dial_once_listening(&self, port: u16) -> TcpStream {
        loop {
            if let Ok(stream) = self.dial(port).await {
                return stream;
            }
            tokio::time::sleep(BETWEEN_DIALS).await;
        }
    }

    /// Answers the TCP sockets that listen inside.
    async fn listening(&self) -> Result<Vec<Listening>, SandboxError>;

    /// Kills what still runs, and clears everything away; answers when nothing is left.
    async fn remove(&self) -> Result<(), SandboxError>;
}

/// What a program prints, as the pipes it prints to.
#[derive(Debug)]
pub struct Output {
    /// What it prints on its standard output.
    pub stdout: pipe::Receiver,
    /// What it prints on its standard error.
    pub stderr: pipe::Receiver,
}

/// How the program of a sandbox ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It used more memory than its limit.
    OutOfMemory,
}

impl Exit {
    /// Answers whether it exited with code 0.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::OutOfMemory => write!(f, "out of memory"),
        }
    }
}

/// A TCP socket that listens inside a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listening {
    /// The address and port it is bound to.
    pub address: SocketAddr,
}
