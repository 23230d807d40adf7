//! Why a call failed.

use std::time::Duration;

use coracle_outbound::Obstacle;
use coracle_spec::{Class, Failure};

use super::Endpoint;
use super::tls::TrustError;
use crate::types::Problem;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there, or not for this user.
    #[error("cannot reach the server at `{endpoint}`")]
    Connect {
        /// Where nobody answered.
        endpoint: Box<Endpoint>,
        /// Why.
        source: Obstacle,
    },
    /// Somebody answers there whose certificate is not trusted.
    #[error("cannot reach the server at `{endpoint}`")]
    Untrusted {
        /// Where somebody answered.
        endpoint: Box<Endpoint>,
        /// What is wrong with the certificate.
        source: Obstacle,
    },
    /// The authorities to trust cannot be read.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The connection broke, or no HTTP came back.
    #[error("the server broke off the exchange")]
    Exchange(#[source] Obstacle),
    /// The answer broke off, or is larger than anything the server sends.
    #[error("cannot read the server's answer")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server took too long.
    #[error("the server did not answer within {} s", .0.as_secs())]
    Deadline(Duration),
    /// The server answered an error.
    #[error("{}", .0.message)]
    Problem(Box<Problem>),
    /// The server answered an error in a form of somebody else.
    #[error("the server answered status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// A build was refused.
    #[error("{error}")]
    Refused {
        /// The status.
        status: u16,
        /// Why, as the server says it.
        error: String,
    },
    /// The request cannot be expressed in HTTP.
    #[error("cannot form the request")]
    Request(#[source] http::Error),
    /// The request cannot be expressed in JSON.
    #[error("cannot write the request")]
    Encode(#[source] serde_json::Error),
    /// The answer is not what this version expects.
    #[error("cannot understand the server's answer")]
    Decode(#[source] serde_json::Error),
}

impl From<hyper::Error> for ClientError {
    fn from(error: hyper::Error) -> Self {
        Self::Exchange(if error.is_parse() {
            Obstacle::Other("what came is no HTTP".to_owned())
        } else {
            Obstacle::of(&error)
        })
    }
}

impl Failure for ClientError {
    fn class(&self) -> Class {
        match self {
            Self::Connect { .. }
            | Self::Untrusted { .. }
            | Self::Exchange(_)
            | Self::Answer(_)
            | Self::Deadline(_) => Class::Unavailable,
            Self::Trust(error) => error.class(),
            Self::Problem(problem) => problem.class(),
            Self::Status { status } | Self::Refused { status, .. } => class_of(*status),
            Self::Request(_) => Class::User,
            Self::Encode(_) | Self::Decode(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Untrusted { source, .. } | Self::Connect { source, .. } => {
                Some(unreachable(source).to_owned())
            }
            Self::Exchange(Obstacle::Closed | Obstacle::Other(_)) => {
                Some("if the server speaks TLS, name it with `https://`".to_owned())
            }
            Self::Problem(problem) => problem.hint.clone(),
            Self::Decode(_) => Some("compare the versions of the client and the server".to_owned()),
            _ => None,
        }
    }
}

fn unreachable(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Untrusted => "if it is your own authority, name its certificate with `SSL_CERT_FILE`",
        Obstacle::Certificate(_) => {
            "replace the certificate where it is shown: at the server, or what is before it"
        }
        Obstacle::NotTls => "if the server speaks plain HTTP, name it with `http://`",
        other if other.is_of_network() => {
            "check the network and the address, or name another server with `--server`"
        }
        _ => "start one with `coracle serve`, or name another with `--server`",
    }
}

fn class_of(status: u16) -> Class {
    match status {
        401 | 403 => Class::Denied,
        404 => Class::NotFound,
        409 => Class::Conflict,
        429 => Class::Busy,
        502..=504 => Class::Unavailable,
        400..=499 => Class::User,
        _ => Class::Internal,
    }
}
