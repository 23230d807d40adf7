//! What the clones of a client share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::auth::Tokens;
use crate::endpoint::{Endpoint, Scheme};
use crate::error::SettingsError;
use crate::http_client;
use crate::settings::Settings;
use crate::sink::Turns;

/// What the clones of a client share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// What registries have given us.
    pub(crate) tokens: Tokens,
    /// Who pulls which blob.
    pub(crate) turns: Turns,
    http: OnceLock<reqwest::Client>,
    schemes: Mutex<HashMap<Endpoint, Scheme>>,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            tokens: Tokens::default(),
            turns: Turns::default(),
            http: OnceLock::new(),
            schemes: Mutex::default(),
        }
    }

    /// Answers the HTTP client; the first call makes it.
    pub(crate) fn http(&self) -> Result<&reqwest::Client, SettingsError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let made = http_client::make(&self.settings)?;
        Ok(self.http.get_or_init(|| made))
    }

    /// Answers how an endpoint is spoken to, if that is known; else it has to be tried.
    pub(crate) fn scheme(&self, endpoint: &Endpoint) -> Option<Scheme> {
        let may_be_plain = || endpoint.is_loopback() || self.settings.insecure.contains(&endpoint.registry);
        endpoint
            .scheme()
            .or_else(|| self.schemes().get(endpoint).copied())
            .or_else(|| (!may_be_plain()).then_some(Scheme::Https))
    }

    /// Notes how an endpoint is spoken to.
    pub(crate) fn set_scheme(&self, endpoint: &Endpoint, scheme: Scheme) {
        self.schemes().insert(endpoint.clone(), scheme);
    }

    fn schemes(&self) -> MutexGuard<'_, HashMap<Endpoint, Scheme>> {
        self.schemes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
