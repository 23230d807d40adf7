//! The platform as a service: state, listeners, and an orderly end.

mod builder;
mod config;
mod error;
mod sockets;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use coracle_api::types::ServerInfo;
use coracle_content::Store;
use coracle_distribution::Client;
use coracle_gateway::{Gateway, Records, Routes, Table, Unrecorded};
use coracle_platform::{Parts, Platform, PlatformConfig};
use coracle_registry::{Registry, Service, Transfers};
use coracle_sandbox::{Adopted, Sandboxes};
use coracle_state::{LogLimits, State};
use coracle_tasks::Tasks;
use tokio::time::timeout;

pub(crate) use builder::Counted;
pub use config::{Listen, ServeConfig, Tls};
pub use error::ServeError;

use self::builder::Around;
use self::sockets::Sockets;
use crate::api::Context;
use crate::auth::Secrets;
use crate::data::DataDirectory;
use crate::function_builder::{self, Role};
use crate::housekeeping::{self, ImagesInUse};
use crate::listen;
use crate::metrics::{self, Metrics};
use crate::own_registry::OwnHosts;
use crate::pull::FromRegistries;
use crate::registry::{self, Gate};
use crate::router::{only_probes, router};
use crate::waiting::Waiting;

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    secure: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    public_url: String,
    socket: PathBuf,
    secrets: Arc<Secrets>,
    registry: Registry,
    platform: Platform,
    listeners: Tasks,
    tasks: Tasks,
    grace: Duration,
    data: DataDirectory,
}

/// Where a server's instances come from. It outlives the server.
pub struct Instances {
    /// Makes them.
    pub sandboxes: Arc<dyn Sandboxes>,
    /// Those that an earlier server on the same data was killed beside.
    pub adopted: Vec<Adopted>,
}

impl From<Arc<dyn Sandboxes>> for Instances {
    fn from(sandboxes: Arc<dyn Sandboxes>) -> Self {
        Self {
            sandboxes,
            adopted: Vec::new(),
        }
    }
}

/// Serves the platform from `data`; answers once it takes requests.
pub async fn serve(
    data: DataDirectory,
    mut config: ServeConfig,
    instances: impl Into<Instances>,
) -> Result<Server, ServeError> {
    let sockets = Sockets::take(&data, &config).await?;
    let public_url = config
        .public_url
        .clone()
        .unwrap_or_else(|| listen::local_url(sockets.address));
    let secrets = Arc::new(Secrets::of(&data.auth())?);
    let store = Store::open(&data.store())?;
    let waiting = Arc::new(Waiting::new(&store)?);
    let registry = Registry::open(data.root(), store.clone(), coracle_registry::Limits::default())?;
    let tasks = Tasks::new();
    let registries = FromRegistries {
        client: Client::new(store.clone(), config.registries.clone()),
        registry: registry.clone(),
        own: OwnHosts::of(&public_url, sockets.address),
    };
    let around = Around {
        secrets: &secrets,
        store: store.clone(),
        registry: registry.clone(),
        registries: config.registries.clone(),
        public_url: &public_url,
        address: sockets.address,
    };
    let builder = config.builder.take();
    let builder = builder
        .map(|settings| Counted::new(settings, around))
        .transpose()?;
    let state = data.state_of(config.role);
    let parts = parts(&state, (store.clone(), registries), instances.into(), &tasks)?;
    let platform = Platform::open(settings(&config, &public_url), parts)
        .await
        .map_err(ServeError::Restore)?;
    let metrics = Arc::new(Metrics::default());
    let records = Arc::clone(&metrics) as Arc<dyn Records>;
    let gateway = Gateway::new(Arc::clone(platform.routes()), records, tasks.group());
    let server = Server {
        address: sockets.address,
        secure: sockets.secure_address,
        metrics: sockets.metrics_address,
        public_url,
        socket: data.socket(),
        secrets,
        registry,
        platform,
        listeners: tasks.group(),
        grace: config.shutdown_grace,
        tasks,
        data,
    };
    let images = ImagesInUse::of(server.data.root());
    let looked_after = (store.clone(), server.registry.clone());
    housekeeping::look_after(looked_after, images, config.cache, &server.tasks);
    let pulled = server.pulled(&config);
    let role = config.role;
    let context = server.context((store, waiting), config);
    let service = server.service(context, builder.as_ref(), role).merge(pulled);
    let gateway = gateway.with_service(service);
    let scraped = aside(
        metrics::router(metrics, server.platform.clone(), builder),
        &server.tasks,
    );
    sockets.serve(Arc::new(gateway), scraped, &server.listeners);
    Ok(server)
}

fn parts(
    state: &Path,
    (store, registries): (Store, FromRegistries),
    instances: Instances,
    tasks: &Tasks,
) -> Result<Parts, ServeError> {
    let Instances { sandboxes, adopted } = instances;
    let state = State::open(state, LogLimits::default())?;
    Ok(Parts {
        sandboxes,
        adopted,
        store,
        puller: Arc::new(registries),
        state,
        tasks: tasks.group(),
    })
}

fn settings(config: &ServeConfig, public_url: &str) -> PlatformConfig {
    PlatformConfig {
        public_url: public_url.to_owned(),
        domain: config.domain.clone(),
        environment: config.environment.clone(),
        spares: config.spares,
        ..PlatformConfig::default()
    }
}

/// Makes a gateway that leads to no function, only to `service`.
fn aside(service: Router, tasks: &Tasks) -> Arc<Gateway> {
    let routes = Routes::new(Table::new("invalid"));
    Arc::new(Gateway::new(routes, Arc::new(Unrecorded), tasks.group()).with_service(service))
}

impl Server {
    fn context(&self, (store, waiting): (Store, Arc<Waiting>), config: ServeConfig) -> Context {
        let info = ServerInfo {
            version: config.version,
            public_url: self.public_url.clone(),
            domain: config.domain,
            pid: std::process::id(),
        };
        Context {
            platform: self.platform.clone(),
            store,
            waiting,
            registry: self.registry.clone(),
            builds: config.builds,
            info: Arc::new(info),
            ending: self.listeners.token(),
        }
    }

    /// What is served beside functions and the registry.
    fn service(&self, context: Context, builder: Option<&Counted>, role: Role) -> Router {
        let builds = builder.map(|builder| builder.router(self)).unwrap_or_default();
        match (role, builder) {
            (Role::Builder, Some(counted)) => {
                only_probes(function_builder::readiness(counted.builder.clone()))
            }
            _ => router(context, Arc::clone(&self.secrets)),
        }
        .merge(builds)
    }

    fn pulled(&self, config: &ServeConfig) -> Router {
        let service = Service::new(self.registry.clone(), Transfers::default());
        let gate = Gate {
            secrets: Arc::clone(&self.secrets),
            anonymous_pull: config.anonymous_pull,
        };
        registry::router(service, gate)
    }

    /// Answers its registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Answers where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers where it listens and speaks TLS.
    pub fn secure_address(&self) -> Option<SocketAddr> {
        self.secure
    }

    /// Answers where its metrics are.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Answers the address that functions answer under.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Answers where clients of this machine reach it.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Answers its secrets: where they are, and which this start has made.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Answers its use cases.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Ends: takes no more requests, finishes those in flight, ends the instances. Each step has its bound.
    pub async fn shutdown(self) {
        let late = self.listeners.shutdown(self.grace).await;
        if !late.is_empty() {
            tracing::warn!(?late, "requests were cut off");
        }
        if timeout(self.grace, self.platform.end_instances()).await.is_err() {
            tracing::warn!("instances did not end in time");
        }
        self.tasks.shutdown(self.grace).await;
        let _ = fs_err::remove_file(&self.socket);
    }
}
