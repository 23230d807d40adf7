//! Files of certificate authorities.

use std::path::{Path, PathBuf};

use coracle_spec::{Class, Failure};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

/// Why certificate authorities cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// Their file cannot be read.
    #[error("cannot read the certificate authorities in `{}`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: pem::Error,
    },
    /// Their file holds none.
    #[error("`{}` holds no certificate authority", .0.display())]
    Empty(PathBuf),
}

impl Failure for AuthoritiesError {
    fn class(&self) -> Class {
        Class::User
    }
}

/// Reads the authorities in a file in PEM (RFC 7468); one that makes no sense is passed over, as everywhere, unless none is
/// left.
pub fn authorities(file: &Path) -> Result<RootCertStore, AuthoritiesError> {
    let failed = |source| AuthoritiesError::Read {
        file: file.to_owned(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(AuthoritiesError::Empty(file.to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_named_must_exist_and_hold_certificates() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing.pem");
        assert!(matches!(
            authorities(&missing),
            Err(AuthoritiesError::Read { .. })
        ));
        let empty = dir.path().join("empty.pem");
        fs_err::write(&empty, "no certificate here\n").unwrap();
        assert!(matches!(authorities(&empty), Err(AuthoritiesError::Empty(_))));
    }
}
