//! The certificate that a server shows: read from files, and read again when they change or somebody says so (`SIGHUP`),
//! so that a renewed one needs no restart.
//!
//! Files are looked at now and then: whoever renews certificates replaces files, links to them or whole folders, and a
//! watch on one of those would miss the others.
//!
//! One that has expired is shown all the same, and the log says so: without it the server would answer nobody, and the
//! next one is read without a restart.

mod lapse;

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coracle_gateway::TlsConfig;
use coracle_spec::{Class, Failure};
use coracle_tasks::Tasks;
use fs_err as fs;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, interval_at};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};

use crate::serve::Tls;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(30);

/// How often they are read though nothing has changed: the log tells of a certificate that nobody renews.
const ANEW: Duration = Duration::from_hours(24);

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or has no PEM of that kind in it.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: pem::Error,
    },
    /// The file has no certificate in it.
    #[error("`{}` holds no certificate", .0.display())]
    Empty(PathBuf),
    /// The file has no key in it, or one that only a passphrase opens.
    #[error("`{}` holds no private key", .0.display())]
    NoKey(PathBuf),
    /// Certificate and key are not of one another.
    #[error("`{}` is not the key of the certificate in `{}`", key.display(), certificate.display())]
    OtherKey {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// They are of a kind that is not known.
    #[error("the certificate in `{}` and its key cannot be used", certificate.display())]
    Refused {
        /// The certificate's file.
        certificate: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
}

impl TlsError {
    fn refused(files: &Tls, source: rustls::Error) -> Self {
        let (certificate, key) = (files.certificate.clone(), files.key.clone());
        match source {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                Self::OtherKey { key, certificate }
            }
            source => Self::Refused { certificate, source },
        }
    }
}

impl Failure for TlsError {
    fn class(&self) -> Class {
        Class::User
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoKey(_) => "`--tls-key` names the certificate's key, in PEM and without a passphrase",
            Self::OtherKey { .. } => {
                "the server's own certificate comes first in its file, before those above it"
            }
            Self::Read { .. } | Self::Empty(_) | Self::Refused { .. } => {
                "`--tls-cert` names the server's certificate and those above it, `--tls-key` its key, both in PEM"
            }
        };
        Some(hint.to_owned())
    }
}

/// A certificate, and the files that it was read from.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: Tls,
    seen: Seen,
    shown: TlsConfig,
}

/// What files looked like when they were read: which they are, how long, and when they changed.
type Seen = [Option<(u64, u64, i64, i64)>; 2];

impl Certificates {
    /// Reads a certificate and its key.
    pub(crate) fn read(files: &Tls) -> Result<Self, TlsError> {
        let seen = look(files);
        let config = config(files)?;
        Ok(Self {
            files: files.clone(),
            seen,
            shown: Arc::new(arc_swap::ArcSwap::from_pointee(config)),
        })
    }

    /// Answers what listeners show: always the newest that could be read.
    pub(crate) fn shown(&self) -> TlsConfig {
        Arc::clone(&self.shown)
    }

    /// Reads the files again if they have changed, and answers whether they had. What cannot be used is not shown: the
    /// one before stays.
    pub(crate) fn refresh(&mut self) -> Result<bool, TlsError> {
        let now = look(&self.files);
        if now == self.seen {
            return Ok(false);
        }
        self.seen = now;
        self.reload()?;
        Ok(true)
    }

    fn reload(&self) -> Result<(), TlsError> {
        self.shown.store(Arc::new(config(&self.files)?));
        Ok(())
    }
}

/// Looks after a certificate until the server ends.
pub(crate) fn follow(mut certificates: Certificates, tasks: &Tasks) {
    let mut hangup = signal(SignalKind::hangup()).ok();
    tasks.spawn("certificate", async move {
        let mut anew = interval_at(Instant::now() + ANEW, ANEW);
        loop {
            let result = tokio::select! {
                () = told(hangup.as_mut()) => certificates.reload().map(|()| true),
                _ = anew.tick() => certificates.reload().map(|()| false),
                () = tokio::time::sleep(EVERY) => certificates.refresh(),
            };
            match result {
                Ok(false) => {}
                Ok(true) => tracing::info!("read the certificate again"),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "cannot use the new certificate; the one before stays");
                }
            }
        }
    });
}

/// Waits for `SIGHUP`; for ever where it cannot be waited for.
async fn told(hangup: Option<&mut Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}

fn look(files: &Tls) -> Seen {
    let seen = |metadata: Metadata| {
        (
            metadata.ino(),
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
        )
    };
    [&files.certificate, &files.key].map(|path| fs::metadata(path).ok().map(seen))
}

fn config(files: &Tls) -> Result<ServerConfig, TlsError> {
    let (chain, key) = (chain(&files.certificate)?, key(&files.key)?);
    lapse::tell(&chain, &files.certificate);
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut config = builder
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| TlsError::refused(files, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey(path.to_owned()),
        source => TlsError::Read {
            path: path.to_owned(),
            source,
        },
    })
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::Read {
        path: path.to_owned(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let chain = certificates.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if chain.is_empty() {
        return Err(TlsError::Empty(path.to_owned()));
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Tls {
        Tls {
            listen: ([127, 0, 0, 1], 0).into(),
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        }
    }

    fn write(files: &Tls) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.certificate, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    }

    #[test]
    fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        write(&files);
        let mut certificates = Certificates::read(&files).unwrap();
        let first = certificates.shown().load_full();
        assert!(!certificates.refresh().unwrap());
        write(&files);
        assert!(certificates.refresh().unwrap());
        let second = certificates.shown().load_full();
        assert!(!Arc::ptr_eq(&first, &second));
        fs::write(&files.key, "nothing").unwrap();
        certificates.refresh().unwrap_err();
        assert!(Arc::ptr_eq(&second, &certificates.shown().load_full()));
        write(&files);
        assert!(certificates.refresh().unwrap());
    }

    #[test]
    fn what_cannot_be_shown_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let said = || Certificates::read(&files).unwrap_err().to_string();
        assert!(said().contains("cert.pem"), "{}", said());
        write(&files);
        let key = fs::read(&files.key).unwrap();
        fs::remove_file(&files.key).unwrap();
        assert!(said().contains("key.pem"), "{}", said());
        fs::write(&files.key, "nothing").unwrap();
        assert!(said().contains("key.pem` holds no private key"), "{}", said());
        write(&files);
        fs::write(&files.key, key).unwrap();
        assert!(said().contains("key.pem` is not the key of"), "{}", said());
        fs::write(&files.certificate, "").unwrap();
        assert!(said().contains("holds no certificate"), "{}", said());
    }
}
