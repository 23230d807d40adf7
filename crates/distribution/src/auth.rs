//! Who we are, as registries want to hear it: a token of their token server, or name and password each time
//! (distribution documentation, "Token authentication"; RFC 7617).

mod challenge;
mod token;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderValue};

use challenge::Challenge;

use crate::attempt::Setback;
use crate::credentials::Credential;
use crate::error::DistributionError;
use crate::session::Session;

/// What registries have given us, by registry and scope. One is asked for at a time, so that many requests that are
/// refused together ask once.
#[derive(Default)]
pub(crate) struct Tokens {
    held: Mutex<HashMap<Key, Held>>,
    turn: tokio::sync::Mutex<()>,
}

/// What a header is for: where, and what for.
pub(crate) type Key = (String, String);

struct Held {
    header: HeaderValue,
    until: Option<Instant>,
}

impl Tokens {
    /// Answers the header that is good for `key` now.
    pub(crate) fn header(&self, key: &Key) -> Option<HeaderValue> {
        let held = self.held();
        let held = held.get(key)?;
        let is_good = held.until.is_none_or(|until| Instant::now() < until);
        is_good.then(|| held.header.clone())
    }

    fn keep(&self, key: Key, header: &HeaderValue, until: Option<Instant>) {
        let header = header.clone();
        self.held().insert(key, Held { header, until });
    }

    fn forget(&self, key: &Key) {
        self.held().remove(key);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Key, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session<'_> {
    /// Answers the header that a registry asks for that has refused `refused`.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
        key: Key,
        refused: Option<HeaderValue>,
    ) -> Result<HeaderValue, Setback> {
        let tokens = &self.shared.tokens;
        let _turn = tokens.turn.lock().await;
        if let Some(newer) = tokens
            .header(&key)
            .filter(|header| Some(header) != refused.as_ref())
        {
            return Ok(newer);
        }
        tokens.forget(&key);
        let credential = self.credential().await?;
        let (header, until) = match Challenge::of(headers) {
            Some(Challenge::Bearer(bearer)) => match &credential {
                Some(Credential::Bearer(token)) => (bearer_header(token.expose()), None),
                _ => token::fetch(self, &bearer, &key.1, credential.as_ref()).await?,
            },
            Some(Challenge::Basic) => (basic_header(credential.as_ref()), None),
            None => (None, None),
        };
        match header {
            Some(header) => {
                tokens.keep(key, &header, until);
                Ok(header)
            }
            None => Err(self.denied(None).await.into()),
        }
    }

    /// Answers who we are there.
    pub(crate) async fn credential(&self) -> Result<Option<Credential>, DistributionError> {
        let registry = &self.endpoint.registry;
        let asked = self.shared.settings.credentials.for_host(registry).await;
        asked.map_err(|source| DistributionError::Credentials {
            registry: registry.clone(),
            source,
        })
    }
}

fn bearer_header(token: &str) -> Option<HeaderValue> {
    sensitive(&format!("Bearer {token}"))
}

fn basic_header(credential: Option<&Credential>) -> Option<HeaderValue> {
    match credential? {
        Credential::Basic { user, password } => {
            let both = format!("{user}:{}", password.expose());
            sensitive(&format!("Basic {}", BASE64_STANDARD.encode(both)))
        }
        Credential::Identity(_) | Credential::Bearer(_) => None,
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}
