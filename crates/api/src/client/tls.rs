//! TLS: which authorities a server's certificate may come from, and the handshake (`rustls`).

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use coracle_outbound::{AuthoritiesError, authorities};
use coracle_spec::{Class, Failure};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};

/// Which certificate authorities a client trusts. Read with the first connection that needs them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    bundle: Option<PathBuf>,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// Why certificate authorities cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Their file cannot be used.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// TLS cannot be set up.
    #[error("cannot set TLS up")]
    Tls(#[from] rustls::Error),
}

impl Failure for TrustError {
    fn class(&self) -> Class {
        match self {
            Self::Authorities(error) => error.class(),
            Self::Tls(_) => Class::Internal,
        }
    }
}

impl Trust {
    /// Trusts the authorities of a file in PEM, and no others.
    pub fn bundle(file: PathBuf) -> Self {
        Self {
            bundle: Some(file),
            config: Arc::default(),
        }
    }

    /// Trusts the authorities that browsers do (Mozilla's list, compiled in).
    pub fn built_in() -> Self {
        Self::default()
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let roots = match &self.bundle {
            Some(file) => authorities(file)?,
            None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }
}

/// Secures a connection to `host`.
pub(super) async fn handshake(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}
