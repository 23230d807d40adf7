//! TLS with certificates at both ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Stream, Trouble};
use crate::place::Certificates;

/// The protocol that gRPC is spoken in (RFC 9113 §3.2).
const PROTOCOL: &[u8] = b"h2";

/// Shakes hands with the server called `host`.
pub(super) async fn wrap(
    stream: TcpStream,
    host: &str,
    certificates: &Certificates,
) -> Result<Stream, Trouble> {
    let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
    let config = config(certificates)?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(Box::new(connected))
}

fn config(certificates: &Certificates) -> Result<ClientConfig, Trouble> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(roots(certificates.ca.as_deref())?);
    let mut config = match &certificates.own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(chain(certificate)?, private_key(key)?)
            .map_err(|error| Trouble::Certificate(certificate.clone(), error.to_string()))?,
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, Trouble> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    for certificate in chain(file)? {
        let added = roots.add(certificate);
        added.map_err(|error| Trouble::Certificate(file.to_owned(), error.to_string()))?;
    }
    Ok(roots)
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let found = CertificateDer::pem_slice_iter(&read(file)?).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(file, "it holds no certificate")),
        Err(_) => Err(unusable(file, "it is no PEM file")),
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Trouble> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|_| unusable(file, "it holds no private key"))
}

fn read(file: &Path) -> Result<Vec<u8>, Trouble> {
    fs_err::read(file).map_err(|error| Trouble::Certificate(file.to_owned(), error.to_string()))
}

fn unusable(file: &Path, reason: &str) -> Trouble {
    Trouble::Certificate(PathBuf::from(file), reason.to_owned())
}
