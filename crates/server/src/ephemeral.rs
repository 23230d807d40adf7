//! The platform for one command: one function at `/`, and nothing that outlives the process.

mod trouble;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coracle_content::{Lease, Scratch, Store};
use coracle_gateway::{Gateway, Inbound, Listener, ListenerLimits, Outbound, Peer, Unrecorded};
use coracle_platform::{
    Addressing, Deploy, DeployError, Deployed, Follower, LogError, Parts, Platform, PlatformConfig,
    PullsNothing,
};
use coracle_sandbox::Sandboxes;
use coracle_spec::{Deployable, FunctionId};
use coracle_state::{LogLimits, State};
use coracle_tasks::{CancellationToken, Tasks};
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::time::timeout;

use self::trouble::Told;
use crate::listen;
use crate::serve::ServeError;

pub use trouble::Trouble;

/// What can be chosen about it.
#[derive(Debug, Clone)]
pub struct EphemeralConfig {
    /// The function that answers at `/`.
    pub function: FunctionId,
    /// Where to listen, or the next free port when that one is taken; `None`: nowhere, only [`Ephemeral::call`] works.
    pub listen: Option<SocketAddr>,
    /// Variables of every instance, unless the image or the revision says otherwise: the way to a proxy, say.
    pub environment: BTreeMap<String, String>,
    /// How long requests and instances may take to end.
    pub shutdown_grace: Duration,
}

/// A platform that is gone when the process is.
pub struct Ephemeral {
    function: FunctionId,
    address: Option<SocketAddr>,
    platform: Platform,
    gateway: Arc<Gateway>,
    told: Arc<Told>,
    socket: Mutex<Option<TcpListener>>,
    store: Store,
    /// Keeps the image that serves, also while no instance does: no state outlives this that would.
    image: Mutex<Option<Lease>>,
    listeners: Tasks,
    tasks: Tasks,
    grace: Duration,
    _state: Scratch,
}

impl Ephemeral {
    /// Makes the platform and takes its port; nothing is answered there before [`Ephemeral::open`].
    pub async fn start(
        config: EphemeralConfig,
        store: Store,
        sandboxes: Arc<dyn Sandboxes>,
    ) -> Result<Self, ServeError> {
        let socket = match config.listen {
            Some(address) => Some(listen::tcp_or_next(address).await?),
            None => None,
        };
        let address = socket.as_ref().and_then(|socket| socket.local_addr().ok());
        // What a killed process leaves there is swept by the next one.
        let state = store.scratch()?;
        let tasks = Tasks::new();
        let parts = Parts {
            sandboxes,
            adopted: Vec::new(),
            store: store.clone(),
            puller: Arc::new(PullsNothing),
            state: State::open(state.path(), LogLimits::default())?,
            tasks: tasks.group(),
        };
        let platform = Platform::open(settings(&config, address), parts)
            .await
            .map_err(ServeError::Restore)?;
        let gateway = Gateway::new(Arc::clone(platform.routes()), Arc::new(Unrecorded), tasks.group());
        let told = Arc::<Told>::default();
        let gateway = gateway
            .with_service(trouble::router(Arc::clone(&told)))
            .with_notice(told.notice());
        Ok(Self {
            function: config.function,
            address,
            platform,
            gateway: Arc::new(gateway),
            told,
            socket: Mutex::new(socket),
            store,
            image: Mutex::new(None),
            listeners: tasks.group(),
            tasks,
            grace: config.shutdown_grace,
            _state: state,
        })
    }

    /// Answers where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Answers its use cases: secrets to set before the deploy, say.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Follows what the function prints, from now on.
    pub async fn follow(&self) -> Result<Follower, LogError> {
        self.platform.follow(&self.function).await
    }

    /// Starts the function, or replaces it by another revision of itself.
    pub async fn deploy(&self, deploy: Deploy) -> Result<Deployed, DeployError> {
        self.keeping(deploy.image.clone(), self.platform.deploy(deploy))
            .await
    }

    /// Does what [`Ephemeral::deploy`] does, unless it is given up before the revision is ready.
    pub async fn deploy_unless(
        &self,
        deploy: Deploy,
        given_up: &CancellationToken,
    ) -> Result<Deployed, DeployError> {
        self.keeping(
            deploy.image.clone(),
            self.platform.deploy_unless(deploy, given_up),
        )
        .await
    }

    /// Keeps the image while it is being deployed, and after that if it serves.
    async fn keeping(
        &self,
        image: Deployable,
        deploying: impl Future<Output = Result<Deployed, DeployError>>,
    ) -> Result<Deployed, DeployError> {
        let lease = self.store.lease()?;
        if let Deployable::Stored(image) = &image {
            lease.keep(image)?;
        }
        let deployed = deploying.await?;
        lease.keep(&deployed.revision.image)?;
        *self.image.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
        Ok(deployed)
    }

    /// Answers requests on its port from now on; answers whether it did not do so before.
    pub fn open(&self) -> bool {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(socket) = socket else { return false };
        let (gateway, listener) = (Arc::clone(&self.gateway), Listener::Tcp(socket));
        coracle_gateway::serve(gateway, listener, ListenerLimits::default(), &self.listeners);
        true
    }

    /// Tells callers from now on that the newest version of the function does not work, or that it does.
    pub fn tell(&self, trouble: Option<&Trouble>) {
        self.told.tell(trouble);
    }

    /// Sends one request through the gateway, without any port.
    pub async fn call(&self, request: Request<Inbound>) -> Response<Outbound> {
        self.gateway.handle(request, Peer::Inside).await
    }

    /// Ends: finishes requests in flight, ends the instance.
    pub async fn shutdown(self) {
        self.listeners.shutdown(self.grace).await;
        let _ = timeout(self.grace, self.platform.end_instances()).await;
        self.tasks.shutdown(self.grace).await;
    }
}

fn settings(config: &EphemeralConfig, address: Option<SocketAddr>) -> PlatformConfig {
    let defaults = PlatformConfig::default();
    PlatformConfig {
        public_url: address.map_or(defaults.public_url.clone(), listen::local_url),
        addressing: Addressing::AtRoot(config.function.clone()),
        environment: config.environment.clone(),
        stop_grace: config.shutdown_grace.min(defaults.stop_grace),
        spares: 1,
        ..defaults
    }
}
