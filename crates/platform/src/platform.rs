//! The platform: its parts put together, its start and its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coracle_content::Store;
use coracle_gateway::Routes;
use coracle_sandbox::{Adopted, Sandboxes};
use coracle_spec::FunctionId;
use coracle_spec::revision::Scale;
use coracle_state::{State, StateError};
use coracle_tasks::Tasks;

use crate::fleet::Fleet;
use crate::fleets::Fleets;
use crate::functions::{Addressing, Functions};
use crate::journal::Journal;
use crate::pull::Puller;
use crate::records::Records;
use crate::revision::Revision;
use crate::secrets::Secrets;
use crate::services::Services;
use crate::spares::Spares;
use crate::turns::{Turn, Turns};

/// What can be chosen about a platform.
#[derive(Debug, Clone)]
pub struct PlatformConfig {
    /// The address that functions answer under, without a slash at its end: `http://127.0.0.1:8080`.
    pub public_url: String,
    /// The domain that functions are hosts of.
    pub domain: String,
    /// How functions are addressed.
    pub addressing: Addressing,
    /// Variables of every instance, unless the image or the revision says otherwise: the way to a proxy, say.
    pub environment: BTreeMap<String, String>,
    /// How long an instance may take to end, once it was asked to, before it is killed.
    pub stop_grace: Duration,
    /// How long an instance that is being replaced may take to finish its requests.
    pub drain_grace: Duration,
    /// How many sandboxes are kept created and not started, for functions that sleep.
    pub spares: usize,
    /// How often fleets are looked at when nothing signals.
    pub look_every: Duration,
}

impl Default for PlatformConfig {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            domain: "localhost".to_owned(),
            addressing: Addressing::ByName,
            environment: BTreeMap::new(),
            stop_grace: Duration::from_secs(10),
            drain_grace: Duration::from_mins(1),
            spares: 16,
            look_every: Duration::from_secs(1),
        }
    }
}

/// What a platform is made of.
pub struct Parts {
    /// Makes sandboxes.
    pub sandboxes: Arc<dyn Sandboxes>,
    /// Keeps images.
    pub store: Store,
    /// Brings others' images.
    pub puller: Arc<dyn Puller>,
    /// Keeps functions, revisions, secrets, events and logs.
    pub state: State,
    /// What an earlier platform on this state has left running.
    pub adopted: Vec<Adopted>,
    /// Runs what runs in the background; whoever ends it has ended the gateway before.
    pub tasks: Tasks,
}

/// The platform. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    inner: Arc<Inner>,
}

struct Inner {
    public_url: String,
    addressing: Addressing,
    services: Arc<Services>,
    records: Records,
    functions: Functions,
    turns: Turns,
}

impl Platform {
    /// Starts a platform: what was deployed before serves again, from the first request on.
    pub async fn open(config: PlatformConfig, parts: Parts) -> Result<Self, StateError> {
        let functions = Functions::new(&config.domain, config.addressing.clone());
        let services = Arc::new(Services {
            sandboxes: parts.sandboxes,
            store: parts.store,
            puller: parts.puller,
            secrets: Secrets::new(parts.state.secrets().clone()),
            journal: Journal::new(parts.state.clone(), &parts.tasks),
            spares: Spares::new(config.spares, parts.tasks.clone()),
            tasks: parts.tasks,
            fleets: Fleets::default(),
            environment: config.environment,
            stop_grace: config.stop_grace,
            drain_grace: config.drain_grace,
        });
        let inner = Inner {
            public_url: config.public_url,
            addressing: config.addressing,
            services,
            records: Records::new(parts.state),
            functions,
            turns: Turns::default(),
        };
        let platform = Self {
            inner: Arc::new(inner),
        };
        platform.restore().await?;
        platform.adopt(parts.adopted);
        platform.look_after_fleets(config.look_every);
        Ok(platform)
    }

    /// Leads to every function again that served when the last platform on this state ended.
    async fn restore(&self) -> Result<(), StateError> {
        let serving = self.records().recover().await?;
        let fleets: Vec<_> = serving
            .into_iter()
            .map(|(revision, scale)| self.fleet(revision, scale))
            .collect();
        self.functions().lead_all_to(&fleets);
        let eager = |fleet: &&Arc<Fleet>| fleet.needs_looking_after();
        fleets
            .iter()
            .filter(eager)
            .for_each(|fleet| self.services().fleets.watch(fleet));
        Ok(())
    }

    /// Makes the fleet of a revision, with the scale that its function was changed to.
    pub(crate) fn fleet(&self, revision: Revision, scale: Option<Scale>) -> Arc<Fleet> {
        let fleet = Fleet::new(revision, self.services());
        if let Some(scale) = scale {
            fleet.rescale(scale);
        }
        fleet
    }

    fn look_after_fleets(&self, every: Duration) {
        let services = Arc::clone(self.services());
        self.services().tasks.spawn(
            "scale loop",
            async move { services.fleets.look_after(every).await },
        );
    }

    /// Answers the table that a gateway finds functions by.
    pub fn routes(&self) -> &Arc<Routes> {
        self.functions().routes()
    }

    /// Answers where a function is called.
    pub fn url_of(&self, id: &FunctionId) -> String {
        let base = &self.inner.public_url;
        match &self.inner.addressing {
            Addressing::AtRoot(root) if root == id => format!("{base}/"),
            _ => format!("{base}/function/{id}"),
        }
    }

    /// Ends every instance: requests in flight may finish, within the configured graces.
    ///
    /// Called when the gateway takes no more requests. Answers when nothing is left.
    pub async fn end_instances(&self) {
        let fleets = self.services().fleets.watched();
        fleets.iter().for_each(Fleet::close);
        self.services().spares.discard_all();
        for fleet in fleets {
            fleet.ended().await;
        }
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.inner.services
    }

    pub(crate) fn records(&self) -> &Records {
        &self.inner.records
    }

    pub(crate) fn functions(&self) -> &Functions {
        &self.inner.functions
    }

    pub(crate) async fn turn(&self, id: &FunctionId) -> Turn {
        self.inner.turns.take(id).await
    }
}
