//! Why a server does not start.

use coracle_content::StoreError;
use coracle_registry::RegistryError;
use coracle_spec::{Class, Failure};
use coracle_state::StateError;

use crate::auth::AuthError;
use crate::listen::ListenError;
use crate::tls::TlsError;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its certificate cannot be shown.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Its secrets cannot be read or made.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Its store cannot be opened.
    #[error("cannot open the store")]
    Store(#[from] StoreError),
    /// Its state cannot be opened.
    #[error("cannot open the state")]
    State(#[from] StateError),
    /// Its registry cannot be opened.
    #[error("cannot open the registry")]
    Registry(#[from] RegistryError),
    /// What was deployed before cannot be read.
    #[error("cannot restore what was deployed")]
    Restore(#[source] StateError),
}

impl Failure for ServeError {
    fn class(&self) -> Class {
        match self {
            Self::Listen(error) => error.class(),
            Self::Tls(error) => error.class(),
            Self::Auth(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Registry(error) => error.class(),
            Self::State(error) | Self::Restore(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Listen(error) => error.hint(),
            Self::Tls(error) => error.hint(),
            Self::Auth(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Registry(error) => error.hint(),
            Self::State(error) | Self::Restore(error) => error.hint(),
        }
    }
}
