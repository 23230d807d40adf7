//! How the gateway reaches an instance: a stream to the port where it listens, and nothing else.

use std::io;

use async_trait::async_trait;
use coracle_spec::{Class, Failure};
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes in both directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// The way to an instance.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// Opens a stream to the port where the instance serves HTTP/1.1, within a deadline of its own.
    ///
    /// TCP streams come with `TCP_NODELAY` set. The future may be dropped at any point.
    async fn dial(&self) -> Result<Box<dyn Io>, DialError>;
}

/// Why an instance cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Nothing listens on the port.
    #[error("the function does not listen on port {port}")]
    NotListening {
        /// The port that the revision names.
        port: u16,
        /// What was found instead, as one sentence: `it listens on 127.0.0.1:5000`.
        found: Option<String>,
    },
    /// The instance has ended.
    #[error("the instance has ended{}", detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default())]
    Gone {
        /// How it ended, if that is known.
        detail: Option<String>,
    },
    /// The port did not answer in time.
    #[error("the function's port did not answer in time")]
    TimedOut,
    /// The connection failed in another way.
    #[error("the connection to the instance failed")]
    Io(#[source] io::Error),
}

impl Failure for DialError {
    fn class(&self) -> Class {
        match self {
            Self::NotListening { .. } => Class::User,
            Self::Gone { .. } | Self::TimedOut | Self::Io(_) => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotListening { found, .. } => found.clone(),
            _ => None,
        }
    }
}
