//! A server's Function Builder, put together from its settings and what the server has.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use coracle_content::Store;
use coracle_distribution::Client;
use coracle_platform::{FunctionBuilder, FunctionBuilderConfig, Senders};
use coracle_registry::{Among, Registry};

use super::{ServeError, Server};
use crate::auth::Secrets;
use crate::function_builder::{
    self, BuilderContext, BuilderMetrics, BuilderSenders, BuilderSettings, OwnImages, Registries, Spools,
};
use crate::own_registry::OwnHosts;

/// What a Function Builder needs of its server.
pub(super) struct Around<'a> {
    pub(super) secrets: &'a Secrets,
    pub(super) store: Store,
    pub(super) registry: Registry,
    pub(super) registries: coracle_distribution::Settings,
    pub(super) public_url: &'a str,
    pub(super) address: SocketAddr,
}

/// A Function Builder, and what counts its work. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Counted {
    pub(crate) builder: FunctionBuilder,
    pub(crate) metrics: Arc<BuilderMetrics>,
}

impl Counted {
    /// Puts one together.
    pub(super) fn new(settings: BuilderSettings, around: Around<'_>) -> Result<Self, ServeError> {
        let senders = senders(settings.senders, around.secrets)?;
        let own = OwnHosts::of(around.public_url, around.address);
        let images = OwnImages::new(own.clone(), around.registry.clone());
        let publisher = Registries {
            among: if senders.tenants() > 1 {
                Among::Others
            } else {
                Among::Nobody
            },
            own,
            registry: around.registry,
            client: Client::new(around.store.clone(), around.registries),
            logins: settings.logins,
        };
        let sealing = match settings.sealing {
            Some(key) => key,
            None => around.secrets.sealing_key()?,
        };
        let builder = FunctionBuilder::new(FunctionBuilderConfig {
            senders,
            sealing,
            bounds: settings.bounds,
            timeout: settings.timeout,
            replay_window: settings.replay_window,
            contexts: (settings.contexts)(images),
            publisher: Arc::new(publisher),
            store: around.store,
        });
        Ok(Self {
            builder,
            metrics: Arc::default(),
        })
    }

    /// Makes its routes, whose builds run in tasks of `server`.
    pub(super) fn router(&self, server: &Server) -> Router {
        function_builder::router(BuilderContext {
            builder: self.builder.clone(),
            metrics: Arc::clone(&self.metrics),
            spools: Spools::default(),
            tasks: server.tasks.group(),
            ending: server.listeners.token(),
        })
    }

    /// Answers its metrics.
    pub(crate) fn text(&self) -> String {
        self.metrics.text(self.builder.load())
    }
}

fn senders(chosen: BuilderSenders, secrets: &Secrets) -> Result<Senders, ServeError> {
    Ok(match chosen {
        BuilderSenders::Own => Senders::Keys(vec![secrets.payload_key()?]),
        BuilderSenders::Keys(keys) => Senders::Keys(keys),
        BuilderSenders::Anybody => Senders::Anybody,
    })
}
