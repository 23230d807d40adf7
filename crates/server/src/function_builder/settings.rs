//! What can be chosen about the Function Builder.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use coracle_distribution::Credentials;
use coracle_platform::{Bounds, ContextBuilder, PayloadKey, SealingKey, Tenant};

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Everything.
    #[default]
    All,
    /// It builds, and answers its registry and its probes. `/ready` turns busy while no more builds are taken.
    Builder,
}

/// Whose bodies are taken.
#[derive(Debug, Clone, Default)]
pub enum BuilderSenders {
    /// Those who sign with the secret of the data directory, which the first start makes.
    #[default]
    Own,
    /// Those who sign with one of these.
    Keys(Vec<PayloadKey>),
    /// Everybody's.
    Anybody,
}

/// What can be chosen about the Function Builder.
#[derive(Clone)]
pub struct BuilderSettings {
    /// Whose bodies are taken.
    pub senders: BuilderSenders,
    /// What build secrets are sealed for; none: the key of the data directory, which the first start makes.
    pub sealing: Option<SealingKey>,
    /// How many builds there may be at once.
    pub bounds: Bounds,
    /// How long one build may take.
    pub timeout: Duration,
    /// How long a body that was taken is not taken again; none: no time at all.
    pub replay_window: Option<Duration>,
    /// Builds.
    pub contexts: Arc<dyn ContextBuilder>,
    /// Who each tenant is at other registries than the server's own.
    pub logins: BTreeMap<Tenant, Arc<dyn Credentials>>,
}

impl fmt::Debug for BuilderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuilderSettings")
            .field("senders", &self.senders)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}
