//! An authority with a certificate for each end.

use std::path::{Path, PathBuf};

use coracle_peers::buildkit;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

/// An authority, its files in a folder.
pub(crate) struct Authority(PathBuf);

impl Authority {
    pub(crate) fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self(folder.to_owned());
        fs_err::write(authority.ca(), issuer.pem()).unwrap();
        authority.issue(&issuer, "server", ExtendedKeyUsagePurpose::ServerAuth);
        authority.issue(&issuer, "client", ExtendedKeyUsagePurpose::ClientAuth);
        authority
    }

    fn issue(&self, issuer: &CertifiedIssuer<'_, KeyPair>, name: &str, usage: ExtendedKeyUsagePurpose) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        fs_err::write(self.0.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs_err::write(self.0.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    pub(crate) fn client(&self) -> (PathBuf, PathBuf) {
        (self.0.join("client.pem"), self.0.join("client.key"))
    }

    pub(crate) fn server(&self) -> buildkit::Certificates {
        buildkit::Certificates {
            ca: self.ca(),
            certificate: self.0.join("server.pem"),
            key: self.0.join("server.key"),
        }
    }
}
