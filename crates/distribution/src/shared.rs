//! What the clones of a client share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::auth::Tokens;
use crate::credentials::Credentials;
use crate::endpoint::{Endpoint, Scheme};
use crate::error::SettingsError;
use crate::holdings::Party;
use crate::http_client;
use crate::settings::{Server, Settings};
use crate::sink::Turns;

/// What the clones of a client share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// Whose clients they are, where several share the store.
    pub(crate) party: Option<Party>,
    /// What registries have given us.
    pub(crate) tokens: Tokens,
    /// Who pulls which blob.
    pub(crate) turns: Turns,
    network: Arc<Network>,
}

/// What has nothing to do with who we are.
#[derive(Default)]
struct Network {
    http: OnceLock<reqwest::Client>,
    schemes: Mutex<HashMap<Endpoint, Scheme>>,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            party: None,
            tokens: Tokens::default(),
            turns: Turns::default(),
            network: Arc::default(),
        }
    }

    /// Answers the same for somebody else, who shares connections with us and nothing that they proved.
    pub(crate) fn with_credentials(&self, credentials: Arc<dyn Credentials>) -> Self {
        let settings = self.settings.clone();
        Self {
            party: self.party.clone(),
            network: Arc::clone(&self.network),
            ..Self::new(Settings {
                credentials,
                ..settings
            })
        }
    }

    /// Answers the same for clients of one of several that share the store.
    pub(crate) fn of_party(self, party: Party) -> Self {
        Self {
            party: Some(party),
            ..self
        }
    }

    /// Answers the HTTP client; the first call makes it.
    pub(crate) fn http(&self) -> Result<&reqwest::Client, SettingsError> {
        if let Some(http) = self.network.http.get() {
            return Ok(http);
        }
        let made = http_client::make(&self.settings)?;
        Ok(self.network.http.get_or_init(|| made))
    }

    /// Answers how an endpoint is spoken to, if that is known; else it has to be tried.
    pub(crate) fn scheme(&self, endpoint: &Endpoint) -> Option<Scheme> {
        let may_be_plain = || endpoint.is_loopback() || self.settings.insecure.contains(&endpoint.registry);
        let server = self.settings.server.as_ref();
        server
            .map(Server::scheme)
            .or_else(|| endpoint.scheme())
            .or_else(|| self.settings.servers.get(&endpoint.registry).copied())
            .or_else(|| self.schemes().get(endpoint).copied())
            .or_else(|| (!may_be_plain()).then_some(Scheme::Https))
    }

    /// Notes how an endpoint is spoken to.
    pub(crate) fn set_scheme(&self, endpoint: &Endpoint, scheme: Scheme) {
        self.schemes().insert(endpoint.clone(), scheme);
    }

    fn schemes(&self) -> MutexGuard<'_, HashMap<Endpoint, Scheme>> {
        self.network
            .schemes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
