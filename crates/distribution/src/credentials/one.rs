//! One registry's credentials, given by the caller.

use async_trait::async_trait;

use super::{Credential, CredentialError, Credentials};

/// Somebody at one registry, and nobody at others.
#[derive(Debug, Clone)]
pub struct One {
    host: String,
    credential: Credential,
}

impl One {
    /// Makes somebody at `host`, a registry as references name it.
    pub fn at(host: impl Into<String>, credential: Credential) -> Self {
        Self {
            host: host.into(),
            credential,
        }
    }
}

#[async_trait]
impl Credentials for One {
    async fn for_host(&self, host: &str) -> Result<Option<Credential>, CredentialError> {
        Ok((host == self.host).then(|| self.credential.clone()))
    }
}
