//! The certificate that a server shows.

use std::path::PathBuf;

use super::{Environment, variables};

/// Where a server's certificate and its key are, as the environment says.
#[derive(Debug, Default)]
pub(crate) struct Certificate {
    /// `CORACLE_TLS_CERT`.
    pub(crate) certificate: Option<PathBuf>,
    /// `CORACLE_TLS_KEY`.
    pub(crate) key: Option<PathBuf>,
}

impl Certificate {
    /// Reads the environment.
    pub(crate) fn read(environment: &Environment) -> Self {
        Self {
            certificate: environment.path(variables::TLS_CERT),
            key: environment.path(variables::TLS_KEY),
        }
    }
}
