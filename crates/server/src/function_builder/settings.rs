//! What can be chosen about the Function Builder.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use coracle_distribution::Credentials;
use coracle_platform::{Bounds, ContextBuilder, PayloadKey, SealingKey, Tenant};

use super::own_images::OwnImages;

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

/// Makes what builds contexts, from the images of the server's own registry that tenants stand on without a login: the
/// server knows them once it is known where it listens.
pub type Contexts = Arc<dyn Fn(OwnImages) -> Arc<dyn ContextBuilder> + Send + Sync>;

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
    /// Makes what builds.
    pub contexts: Contexts,
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
