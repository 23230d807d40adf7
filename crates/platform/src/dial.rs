//! Connecting to another port of a function's instance than the one that takes requests: a debugger's, say.

use coracle_sandbox::SandboxError;
use coracle_spec::{Class, Failure, FunctionId};
use tokio::net::TcpStream;

use crate::instance::State;
use crate::platform::Platform;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// No instance is ready.
    #[error("no instance of `{0}` is ready")]
    NoInstance(FunctionId),
    /// Its sandbox gives none.
    #[error("cannot reach port {port} of the instance")]
    Sandbox {
        /// The port.
        port: u16,
        /// Why not.
        source: SandboxError,
    },
}

impl Failure for DialError {
    fn class(&self) -> Class {
        match self {
            Self::NoInstance(_) => Class::Unavailable,
            Self::Sandbox { source, .. } => source.class(),
        }
    }
}

impl Platform {
    /// Connects to `port` on the loopback of the function's ready instance: the one that was made last, of the
    /// revision that serves. Nothing is started for it, and it counts as no request.
    pub async fn dial(&self, id: &FunctionId, port: u16) -> Result<TcpStream, DialError> {
        let fleet = self.functions().get(id);
        let instances = fleet.map(|fleet| fleet.instances()).unwrap_or_default();
        let ready = instances
            .iter()
            .rev()
            .find(|instance| instance.state() == State::Ready)
            .ok_or_else(|| DialError::NoInstance(id.clone()))?;
        let dialled = ready.sandbox().dial(port).await;
        dialled.map_err(|source| DialError::Sandbox { port, source })
    }
}
