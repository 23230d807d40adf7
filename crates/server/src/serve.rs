//! The platform as a service: state, listeners, and an orderly end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coracle_api::types::ServerInfo;
use coracle_content::{Store, StoreError};
use coracle_gateway::{Gateway, Listener, ListenerLimits, Routes, Table, Unrecorded};
use coracle_platform::{Parts, Platform, PlatformConfig};
use coracle_sandbox::{Adopted, Sandboxes};
use coracle_spec::{Class, Failure};
use coracle_state::{LogLimits, State, StateError};
use coracle_tasks::Tasks;
use tokio::net::{TcpListener, UnixListener};
use tokio::time::timeout;

use crate::api::Context;
use crate::auth::{AuthError, Secrets};
use crate::data::DataDirectory;
use crate::listen::{self, ListenError};
use crate::metrics::{self, Metrics};
use crate::router::router;

/// What can be chosen about a server.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Where functions and the API are served.
    pub listen: SocketAddr,
    /// Where metrics are served, if at all.
    pub metrics: Option<SocketAddr>,
    /// The address that functions answer under, if it is not the one listened on: behind a proxy, say.
    pub public_url: Option<String>,
    /// The domain that functions are hosts of.
    pub domain: String,
    /// Variables of every instance, unless the image or the revision says otherwise: the way to a proxy, say.
    pub environment: BTreeMap<String, String>,
    /// The version of the program.
    pub version: String,
    /// How long requests in flight may take to finish when the server ends.
    pub shutdown_grace: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8080).into(),
            metrics: Some(([127, 0, 0, 1], 8081).into()),
            public_url: None,
            domain: "localhost".to_owned(),
            environment: BTreeMap::new(),
            version: String::new(),
            shutdown_grace: Duration::from_secs(30),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its secrets cannot be read or made.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Its store cannot be opened.
    #[error("cannot open the store")]
    Store(#[from] StoreError),
    /// Its state cannot be opened.
    #[error("cannot open the state")]
    State(#[from] StateError),
    /// What was deployed before cannot be read.
    #[error("cannot restore what was deployed")]
    Restore(#[source] StateError),
    /// A directory for what is only temporary cannot be made.
    #[error("cannot make a temporary directory")]
    Temporary(#[from] std::io::Error),
}

impl Failure for ServeError {
    fn class(&self) -> Class {
        match self {
            Self::Listen(error) => error.class(),
            Self::Auth(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::State(error) => error.class(),
            Self::Restore(error) => error.class(),
            Self::Temporary(_) => Class::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Listen(error) => error.hint(),
            Self::Auth(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Restore(error) => error.hint(),
            Self::Temporary(_) => None,
        }
    }
}

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    public_url: String,
    socket: PathBuf,
    secrets: Arc<Secrets>,
    platform: Platform,
    listeners: Tasks,
    tasks: Tasks,
    grace: Duration,
    _data: DataDirectory,
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
    config: ServeConfig,
    instances: impl Into<Instances>,
) -> Result<Server, ServeError> {
    let Instances { sandboxes, adopted } = instances.into();
    let sockets = Sockets::take(&data, &config).await?;
    let secrets = Arc::new(Secrets::of(&data.auth())?);
    let store = Store::open(&data.store())?;
    let tasks = Tasks::new();
    let public_url = config
        .public_url
        .unwrap_or_else(|| listen::local_url(sockets.address));
    let parts = Parts {
        sandboxes,
        adopted,
        store: store.clone(),
        state: State::open(&data.state(), LogLimits::default())?,
        tasks: tasks.group(),
    };
    let settings = PlatformConfig {
        public_url: public_url.clone(),
        domain: config.domain.clone(),
        environment: config.environment,
        ..PlatformConfig::default()
    };
    let platform = Platform::open(settings, parts)
        .await
        .map_err(ServeError::Restore)?;
    let info = ServerInfo {
        version: config.version,
        public_url: public_url.clone(),
        domain: config.domain,
        pid: std::process::id(),
    };
    let context = Context {
        platform: platform.clone(),
        store,
        info: Arc::new(info),
    };
    let metrics = Arc::new(Metrics::default());
    let gateway = Gateway::new(
        Arc::clone(platform.routes()),
        Arc::clone(&metrics) as _,
        tasks.group(),
    )
    .with_service(router(context, Arc::clone(&secrets)));
    let listeners = tasks.group();
    let server = Server {
        address: sockets.address,
        metrics: sockets.metrics_address,
        public_url,
        socket: data.socket(),
        secrets,
        platform,
        listeners: listeners.clone(),
        tasks: tasks.clone(),
        grace: config.shutdown_grace,
        _data: data,
    };
    let scraped = metrics::router(metrics, server.platform.clone());
    sockets.serve(Arc::new(gateway), aside(scraped, &tasks), &listeners);
    Ok(server)
}

/// Makes a gateway that leads to no function, only to `service`.
fn aside(service: axum::Router, tasks: &Tasks) -> Arc<Gateway> {
    let routes = Routes::new(Table::new("invalid"));
    Arc::new(Gateway::new(routes, Arc::new(Unrecorded), tasks.group()).with_service(service))
}

/// The places that a server listens on, taken before anything else: what fails most often fails first.
struct Sockets {
    tcp: TcpListener,
    address: SocketAddr,
    unix: UnixListener,
    metrics: Option<TcpListener>,
    metrics_address: Option<SocketAddr>,
}

impl Sockets {
    async fn take(data: &DataDirectory, config: &ServeConfig) -> Result<Self, ListenError> {
        let tcp = listen::tcp(config.listen).await?;
        let metrics = match config.metrics {
            // Nobody needs to know the port before a scraper is set up, so a taken one is no reason not to serve.
            Some(address) => Some(listen::tcp_or_next(address).await?),
            None => None,
        };
        Ok(Self {
            address: tcp.local_addr().unwrap_or(config.listen),
            unix: listen::unix(&data.socket())?,
            metrics_address: metrics.as_ref().and_then(|listener| listener.local_addr().ok()),
            tcp,
            metrics,
        })
    }

    fn serve(self, gateway: Arc<Gateway>, scraped: Arc<Gateway>, tasks: &Tasks) {
        let limits = ListenerLimits::default();
        coracle_gateway::serve(
            Arc::clone(&gateway),
            Listener::Unix(self.unix),
            limits.clone(),
            tasks,
        );
        coracle_gateway::serve(gateway, Listener::Tcp(self.tcp), limits.clone(), tasks);
        if let Some(metrics) = self.metrics {
            coracle_gateway::serve(scraped, Listener::Tcp(metrics), limits, tasks);
        }
    }
}

impl Server {
    /// Answers where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
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
