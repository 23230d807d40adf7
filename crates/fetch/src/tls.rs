//! Which certificate authorities are trusted.

use std::path::Path;

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::error::ConfigError;

/// Where Debian and most other distributions keep the bundle that the administrator maintains.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Answers the TLS settings that trust `bundle`, else the system's bundle, else Mozilla's roots.
pub(crate) fn config(bundle: Option<&Path>) -> Result<TlsConfig, ConfigError> {
    let system = Path::new(SYSTEM_BUNDLE);
    let roots = match bundle {
        Some(bundle) => from_file(bundle)?,
        None if system.exists() => from_file(system)?,
        None => RootCerts::WebPki,
    };
    Ok(TlsConfig::builder().root_certs(roots).build())
}

fn from_file(path: &Path) -> Result<RootCerts, ConfigError> {
    let pem = fs_err::read(path).map_err(ConfigError::CaBundle)?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(ConfigError::NoCertificates(path.to_owned()));
    }
    Ok(certificates.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_named_must_exist_and_hold_certificates() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let missing = dir.path().join("missing.crt");
        assert!(matches!(config(Some(&missing)), Err(ConfigError::CaBundle(_))));
        let empty = dir.path().join("empty.crt");
        fs_err::write(&empty, "no certificate here\n").expect("writes");
        assert!(matches!(
            config(Some(&empty)),
            Err(ConfigError::NoCertificates(_))
        ));
    }
}
