//! What goes wrong with registries: missing, refused, busy, unreachable and wrong are told apart.

use std::io;
use std::time::Duration;

use coracle_content::StoreError;
use coracle_fetch::SafeUrl;
use coracle_oci::ImageError;
use coracle_outbound::{AuthoritiesError, Obstacle};
use coracle_spec::manifest::Platform;
use coracle_spec::{Class, Digest, Failure};
use tokio_rustls::rustls;

use crate::credentials::CredentialError;

/// Why an image was not pulled, pushed or looked up.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    /// The registry answered, and has no such thing.
    #[error("`{what}` is not in the registry")]
    NotFound {
        /// The image, or the blob of one.
        what: String,
    },
    /// The image is not made for the platform that is wanted.
    #[error("`{image}` is not made for {wanted}, but for {}", offered.join(", "))]
    Platform {
        /// The image.
        image: String,
        /// The platform that is wanted.
        wanted: &'static str,
        /// Those that it is made for.
        offered: Vec<String>,
    },
    /// The registry does not know us, or we may not do this.
    #[error("`{registry}` refuses {}", if *.known { "these credentials" } else { "anonymous access" })]
    Denied {
        /// The registry.
        registry: String,
        /// Whether there are credentials for it.
        known: bool,
        /// Whether whoever asked is one of several, for whom somebody else keeps credentials.
        is_party: bool,
        /// What the registry says.
        source: Option<Refusal>,
    },
    /// The registry cannot be reached, or the connection broke, in every attempt.
    #[error("cannot reach the registry at `{url}`")]
    Unreachable {
        /// What was asked for.
        url: SafeUrl,
        /// What the last attempt met.
        source: Broken,
    },
    /// The registry asks to be left alone for a while.
    #[error("`{registry}` is busy")]
    Busy {
        /// The registry.
        registry: String,
        /// How long it asks for, if it says.
        after: Option<Duration>,
        /// What it says.
        source: Option<Refusal>,
    },
    /// The registry answered with something that is neither success nor any of the above.
    #[error("`{url}` answered with status {status}")]
    Status {
        /// What was asked for.
        url: SafeUrl,
        /// The status of the last attempt.
        status: u16,
        /// What it says.
        source: Option<Refusal>,
    },
    /// The registry answered with something that the distribution specification does not allow.
    #[error("`{url}` answered with {problem}")]
    Protocol {
        /// What was asked for.
        url: SafeUrl,
        /// What is wrong.
        problem: String,
    },
    /// What came is not what was meant.
    #[error("the registry sent something else for `{what}`: expected `{expected}`, got `{found}`")]
    Mismatch {
        /// What was asked for.
        what: String,
        /// What it should hash to.
        expected: Digest,
        /// What it hashes to.
        found: Digest,
    },
    /// A document of an image is not what it should be.
    #[error("the manifest of `{image}` makes no sense")]
    Malformed {
        /// The image.
        image: String,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// What the registry has under this name is something that cannot be run.
    #[error("`{image}` cannot be used: {reason}")]
    Unusable {
        /// The image.
        image: String,
        /// Why not.
        reason: String,
    },
    /// Who we are cannot be found out.
    #[error("cannot tell who we are at `{registry}`")]
    Credentials {
        /// The registry.
        registry: String,
        /// Why not.
        source: CredentialError,
    },
    /// The name that an image is to be pushed to has a digest, and not the image's.
    #[error("the image has digest `{found}`, and is to be pushed as `{expected}`")]
    OtherDigest {
        /// What the name says.
        expected: Digest,
        /// What the image has.
        found: Digest,
    },
    /// Nothing can be sent with these settings.
    #[error("cannot reach registries with these settings")]
    Settings(#[from] SettingsError),
    /// The store refused, or lacks a blob.
    #[error("cannot use the store")]
    Store(#[from] StoreError),
    /// The image in the store cannot be used.
    #[error("cannot use the image in the store")]
    Image(#[from] ImageError),
    /// It cannot be told whether the image is one that no registry has to be asked for.
    #[error("cannot look into the registry of this server")]
    Nearby(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The caller lost interest.
    #[error("cancelled")]
    Cancelled,
    /// The work broke off.
    #[error("the work on a blob broke off")]
    Aborted(#[source] io::Error),
}

/// What a registry says about its refusal (distribution-spec, "Error Codes"): shortened, and without what would
/// disturb a terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the registry says: {0}")]
pub struct Refusal(pub(crate) String);

/// How a connection broke.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It could not be made, or broke.
    #[error("{obstacle}")]
    Http {
        /// Why, in a sentence.
        obstacle: Obstacle,
        /// What the HTTP client says.
        error: reqwest::Error,
    },
    /// Nothing came for too long.
    #[error("nothing came within {} seconds", .0.as_secs())]
    Stalled(Duration),
    /// The body ended before it should.
    #[error("the connection ended after {got} of {expected} bytes")]
    Short {
        /// How many bytes came.
        got: u64,
        /// How many should.
        expected: u64,
    },
    /// What is to be sent cannot be read.
    #[error("cannot read what is to be sent")]
    Source(#[source] io::Error),
}

impl Broken {
    /// Takes a failure of the HTTP client, without the address: it may hold secrets.
    pub(crate) fn http(error: reqwest::Error) -> Self {
        let error = error.without_url();
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection failed");
        Self::Http {
            obstacle: Obstacle::of(&error),
            error,
        }
    }

    /// Answers whether TLS refused the other side, which no further attempt changes.
    pub(crate) fn is_untrusted(&self) -> bool {
        self.obstacle().is_some_and(Obstacle::is_of_certificate)
    }

    /// Answers whether a redirect was not followed, which no further attempt changes either.
    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self, Self::Http { error, .. } if error.is_redirect())
    }

    fn obstacle(&self) -> Option<&Obstacle> {
        match self {
            Self::Http { obstacle, .. } => Some(obstacle),
            _ => None,
        }
    }
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Certificate authorities cannot be trusted.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// TLS cannot be set up.
    #[error("cannot set TLS up")]
    Tls(#[source] rustls::Error),
    /// The address of a proxy is not one.
    #[error("`{0}` is not the address of a proxy: expected `http://HOST:PORT`")]
    Proxy(SafeUrl),
    /// The HTTP client cannot be set up.
    #[error("cannot set the HTTP client up")]
    Http(#[source] reqwest::Error),
}

impl Failure for SettingsError {
    fn class(&self) -> Class {
        match self {
            Self::Authorities(source) => source.class(),
            Self::Proxy(_) => Class::User,
            Self::Tls(_) | Self::Http(_) => Class::Internal,
        }
    }
}

impl DistributionError {
    /// Answers whether the registry said that the thing does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

impl Failure for DistributionError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound { .. } | Self::Platform { .. } => Class::NotFound,
            Self::Denied { .. } => Class::Denied,
            Self::Busy { .. } => Class::Busy,
            Self::Status { status: 400..500, .. }
            | Self::Unusable { .. }
            | Self::Malformed { .. }
            | Self::OtherDigest { .. } => Class::User,
            Self::Unreachable { .. }
            | Self::Status { .. }
            | Self::Protocol { .. }
            | Self::Mismatch { .. }
            | Self::Cancelled => Class::Unavailable,
            Self::Credentials { source, .. } => source.class(),
            Self::Settings(source) => source.class(),
            Self::Store(source) => source.class(),
            Self::Image(source) => source.class(),
            Self::Aborted(_) | Self::Nearby(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Denied { is_party: true, .. } => {
                Some("check the name of the image, or have the server's operator add a login".to_owned())
            }
            Self::Denied { registry, known, .. } => Some(denied(registry, *known)),
            Self::Busy {
                after: Some(after), ..
            } => Some(format!("try again in {} seconds", after.as_secs().max(1))),
            Self::Busy { .. } => Some("try again later".to_owned()),
            Self::Unreachable { source, .. } => Some(unreachable(source).to_owned()),
            Self::Platform { offered, .. } => offered
                .iter()
                .find(|offered| offered.parse::<Platform>().is_ok())
                .map(|first| format!("choose another platform, such as `--platform {first}`")),
            Self::Mismatch { .. } => {
                Some("the registry or something on the way to it altered the content; try another".to_owned())
            }
            Self::Credentials { source, .. } => source.hint(),
            Self::Settings(source) => source.hint(),
            Self::Store(source) => source.hint(),
            Self::Image(source) => source.hint(),
            _ => None,
        }
    }
}

fn denied(registry: &str, known: bool) -> String {
    if known {
        format!("check the name of the image, or log in again: `coracle registry login {registry}`")
    } else {
        format!("check the name of the image, or log in: `coracle registry login {registry}`")
    }
}

fn unreachable(source: &Broken) -> &'static str {
    match source.obstacle() {
        Some(Obstacle::Untrusted) => {
            "name the certificate authority of the registry, or of a proxy on the way, with `CORACLE_REGISTRY_CA`"
        }
        Some(Obstacle::Certificate(_)) => {
            "replace the certificate where it is shown: at the registry, or at a proxy on the way"
        }
        Some(Obstacle::NotTls | Obstacle::Tls(_)) => {
            "if the registry speaks plain HTTP, name it in `CORACLE_INSECURE_REGISTRIES`"
        }
        _ => "check the network, the name server and the proxy settings, then try again",
    }
}
