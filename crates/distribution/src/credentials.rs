//! Who we are at a registry.

mod docker_config;
mod file;
mod helper;
mod one;
mod secret;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use coracle_spec::{Class, Failure};

pub use docker_config::DockerConfig;
pub use file::File;
pub use one::One;
pub use secret::Secret;

/// What proves who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password, or what the registry takes for one.
        password: Secret,
    },
    /// A token that the registry's token server trades for others (OAuth 2.0 refresh token).
    Identity(Secret),
    /// A token that the registry itself takes.
    Bearer(Secret),
}

impl Credential {
    /// Makes a name and a password.
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic {
            user: user.into(),
            password: Secret::new(password),
        }
    }

    /// Answers the name, if there is one.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Basic { user, .. } => Some(user),
            Self::Identity(_) | Self::Bearer(_) => None,
        }
    }
}

/// Knows who we are at registries.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Answers what proves who we are at `host`, a registry as references name it: `docker.io`, `localhost:5000`.
    async fn for_host(&self, host: &str) -> Result<Option<Credential>, CredentialError>;
}

/// Why it is not known who we are at a registry.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file cannot be read.
    #[error("cannot read the credentials")]
    Read(#[source] io::Error),
    /// A file holds something else.
    #[error("`{}` holds no credentials that can be read", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense. What stands there is not shown.
        line: usize,
    },
    /// A file cannot be written.
    #[error("cannot store the credentials in `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program that keeps credentials cannot be run.
    #[error("cannot run `{program}`, which keeps the credentials")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program that keeps credentials does not answer, or not what it should.
    #[error("`{program}`, which keeps the credentials, {trouble}")]
    Helper {
        /// The program.
        program: String,
        /// What it does.
        trouble: String,
    },
}

impl Failure for CredentialError {
    fn class(&self) -> Class {
        match self {
            Self::Helper { .. } => Class::Unavailable,
            Self::Read(_) | Self::Malformed { .. } | Self::Write { .. } | Self::Run { .. } => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { path, line } => Some(format!("look at line {line} of `{}`", path.display())),
            Self::Run { program, .. } => Some(format!(
                "install `{program}`, or remove it from `credsStore` and `credHelpers` of Docker's `config.json`"
            )),
            _ => None,
        }
    }
}

/// Nobody anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

#[async_trait]
impl Credentials for Anonymous {
    async fn for_host(&self, _host: &str) -> Result<Option<Credential>, CredentialError> {
        Ok(None)
    }
}

/// Several that are asked in turn: the first that knows a registry wins.
#[derive(Clone)]
pub struct First(Vec<Arc<dyn Credentials>>);

impl First {
    /// Makes one that asks these.
    pub fn of(those: Vec<Arc<dyn Credentials>>) -> Self {
        Self(those)
    }
}

#[async_trait]
impl Credentials for First {
    async fn for_host(&self, host: &str) -> Result<Option<Credential>, CredentialError> {
        for credentials in &self.0 {
            if let Some(credential) = credentials.for_host(host).await? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }
}

/// Reads a file of JSON; nothing when there is none.
fn read<T: serde::de::DeserializeOwned>(path: &std::path::Path) -> Result<Option<T>, CredentialError> {
    let text = match fs_err::read(path) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(CredentialError::Read(error)),
    };
    let malformed = |error: serde_json::Error| CredentialError::Malformed {
        path: path.to_owned(),
        line: error.line(),
    };
    serde_json::from_slice(&text).map(Some).map_err(malformed)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
