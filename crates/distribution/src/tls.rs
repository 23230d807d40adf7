//! Which certificate authorities are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
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
        Some(bundle) => read(bundle)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    if let Some(more) = &settings.more_authorities {
        roots.extend(read(more)?.roots);
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

/// Reads a bundle; a certificate of it that makes no sense is passed over, as everywhere.
fn read(file: &Path) -> Result<RootCertStore, SettingsError> {
    let failed = |source| SettingsError::Authorities {
        file: file.to_owned(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(SettingsError::NoAuthorities(PathBuf::from(file)));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_named_must_exist_and_hold_certificates() {
        let dir = tempfile::tempdir().unwrap();
        let with = |file: PathBuf| {
            config(&Settings {
                more_authorities: Some(file),
                ..Settings::default()
            })
        };
        assert!(matches!(
            with(dir.path().join("missing.pem")),
            Err(SettingsError::Authorities { .. })
        ));
        let empty = dir.path().join("empty.pem");
        fs_err::write(&empty, "no certificate here\n").unwrap();
        assert!(matches!(with(empty), Err(SettingsError::NoAuthorities(_))));
    }
}
