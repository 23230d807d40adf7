//! What goes wrong with downloads: unreachable, missing and wrong are told apart.

use std::io;
use std::path::PathBuf;

use coracle_outbound::Obstacle;
use coracle_spec::{Class, FREE_SPACE, Failure};

use crate::checksum::Checksum;
use crate::url::SafeUrl;

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text is no `http` or `https` address.
    #[error("`{0}` is not an http or https address")]
    InvalidUrl(SafeUrl),
    /// The server answered, and has no such thing (404 or 410).
    #[error("there is nothing at `{0}`")]
    NotFound(SafeUrl),
    /// The server could not be reached, or the connection broke, in every attempt.
    #[error("cannot reach `{url}`")]
    Unreachable {
        /// What was asked for.
        url: SafeUrl,
        /// What the last attempt met.
        source: Obstacle,
    },
    /// The server answered with something that is neither success nor "not found".
    #[error("`{url}` answered with status {status}")]
    Status {
        /// What was asked for.
        url: SafeUrl,
        /// The status of the last attempt.
        status: u16,
    },
    /// The server sent the request elsewhere too often, from `https` to `http`, or to no address at all.
    #[error("`{url}` redirects to `{to}`, which is not followed")]
    Redirect {
        /// What was asked for.
        url: SafeUrl,
        /// Where the last redirect leads.
        to: SafeUrl,
    },
    /// More bytes came than the caller allows.
    #[error("`{url}` is larger than the {limit} bytes allowed")]
    TooLarge {
        /// What was asked for.
        url: SafeUrl,
        /// The most that was allowed.
        limit: u64,
    },
    /// The bytes that came are not those that were meant.
    #[error("`{url}` is not what it should be: expected {expected}, got {actual}")]
    WrongContent {
        /// What was asked for.
        url: SafeUrl,
        /// What the bytes should hash to.
        expected: Checksum,
        /// What they hash to.
        actual: Checksum,
    },
    /// What came could not be written down.
    #[error("cannot keep what `{url}` sends")]
    Write {
        /// What was asked for.
        url: SafeUrl,
        /// Why the writer refused.
        source: io::Error,
    },
    /// The caller lost interest.
    #[error("the download of `{0}` was cancelled")]
    Cancelled(SafeUrl),
}

impl FetchError {
    /// Answers whether the server said that the thing does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

impl Failure for FetchError {
    fn class(&self) -> Class {
        match self {
            Self::InvalidUrl(_) => Class::User,
            Self::NotFound(_) => Class::NotFound,
            Self::Status {
                status: 401 | 403 | 407,
                ..
            } => Class::Denied,
            Self::Unreachable { .. }
            | Self::Status { .. }
            | Self::Redirect { .. }
            | Self::TooLarge { .. }
            | Self::WrongContent { .. }
            | Self::Cancelled(_) => Class::Unavailable,
            Self::Write { source, .. } if is_full(source) => Class::Busy,
            Self::Write { .. } => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreachable { source, .. } => unreachable(source),
            Self::Status { status: 407, .. } => "give the proxy's user name and password in its address",
            Self::WrongContent { .. } => {
                "the server or something on the way to it altered the content; try another"
            }
            Self::Write { source, .. } if is_full(source) => FREE_SPACE,
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn unreachable(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Untrusted => {
            "name the certificate authority with SSL_CERT_FILE: the host's own, or that of a proxy which re-signs TLS"
        }
        Obstacle::Certificate(_) => {
            "replace the certificate where it is shown: at the host, or at a proxy on the way"
        }
        Obstacle::NotTls => "if it speaks plain HTTP, name it with `http://`",
        _ => "check the network, the name server and the proxy settings, then try again",
    }
}

/// Answers what stood in the way, without the HTTP client's own words where the system or TLS has said it.
pub(crate) fn obstacle(error: &ureq::Error) -> Obstacle {
    match error {
        ureq::Error::Io(error) => Obstacle::of(error),
        ureq::Error::Rustls(error) => Obstacle::of(error),
        ureq::Error::HostNotFound => Obstacle::Name("there is no such host".to_owned()),
        ureq::Error::Timeout(_) => Obstacle::Silent,
        other => Obstacle::of(other),
    }
}

/// Why downloads cannot be made with these settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The certificate bundle cannot be read.
    #[error("cannot read the certificate bundle")]
    CaBundle(#[source] io::Error),
    /// The certificate bundle holds no usable certificate.
    #[error("`{0}` holds no certificate")]
    NoCertificates(PathBuf),
    /// The address of a proxy is not one.
    #[error("`{0}` is not the address of a proxy: expected `http://HOST:PORT`")]
    Proxy(SafeUrl),
}

impl Failure for ConfigError {
    fn class(&self) -> Class {
        Class::User
    }
}

/// Answers whether TLS refused the other side, which no further attempt changes. `rustls` puts its refusal into an
/// I/O error.
pub(crate) fn is_tls_refusal(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => true,
        ureq::Error::Io(error) => error.kind() == io::ErrorKind::InvalidData,
        _ => false,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
