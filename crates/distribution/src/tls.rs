//! Which certificate authorities are trusted.

use std::path::Path;
use std::sync::Arc;

use coracle_outbound::authorities;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::error::SettingsError;
use crate::settings::Settings;

/// Where Debian and most other distributions keep the bundle that the administrator maintains.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Answers the configuration that trusts the bundle that is set, else the system's, else Mozilla's roots, and the
/// further authorities that are set.
pub(crate) fn config(settings: &Settings) -> Result<ClientConfig, SettingsError> {
    let system = Path::new(SYSTEM_BUNDLE);
    let bundle = settings.ca_bundle.as_deref();
    let mut roots = match bundle.or_else(|| system.exists().then_some(system)) {
        Some(bundle) => authorities(bundle)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    if let Some(more) = &settings.more_authorities {
        roots.extend(authorities(more)?.roots);
    }
    trusting(roots)
}

/// Answers the configuration that trusts nobody, for connections without TLS.
pub(crate) fn none() -> Result<ClientConfig, SettingsError> {
    trusting(RootCertStore::empty())
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, SettingsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(SettingsError::Tls)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
