//! A platform of its own for each test.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coracle_content::Store;
use coracle_gateway::{Gateway, Inbound, Peer, Unrecorded};
use coracle_oci::{ImageConfig, assemble};
use coracle_platform::{
    Deploy, DeployError, Deployed, Parts, Platform, PlatformConfig, Puller, PullsNothing,
};
use coracle_sandbox::Adopted;
use coracle_spec::{Deployable, Digest, FunctionId, RevisionConfig, Span};
use coracle_state::State;
use coracle_tasks::Tasks;
use coracle_testkit::{FakeSandboxes, Program};
use http_body_util::BodyExt as _;
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) sandboxes: FakeSandboxes,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) image: Digest,
    pub(crate) tasks: Tasks,
    pub(crate) folder: Arc<TempDir>,
}

/// What differs between platforms.
struct Left {
    adopted: Vec<Adopted>,
    spares: usize,
    puller: Arc<dyn Puller>,
}

impl Default for Left {
    fn default() -> Self {
        Self {
            adopted: Vec::new(),
            spares: 0,
            puller: Arc::new(PullsNothing),
        }
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl World {
    pub(crate) async fn running(program: Program) -> Self {
        Self::on(
            Arc::new(tempfile::tempdir().unwrap()),
            FakeSandboxes::running(program),
        )
        .await
    }

    /// Starts a platform on what another one may have left in `folder`.
    pub(crate) async fn on(folder: Arc<TempDir>, sandboxes: FakeSandboxes) -> Self {
        Self::adopting(folder, sandboxes, Vec::new()).await
    }

    /// Starts a platform that keeps as many spares.
    pub(crate) async fn with_spares(spares: usize, program: Program) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let left = Left {
            spares,
            ..Left::default()
        };
        Self::finding(folder, FakeSandboxes::running(program), left).await
    }

    /// Starts a platform whose images come from `puller`.
    pub(crate) async fn pulling(puller: Arc<dyn Puller>, program: Program) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let left = Left {
            puller,
            ..Left::default()
        };
        Self::finding(folder, FakeSandboxes::running(program), left).await
    }

    /// Starts a platform that finds what another one has left running.
    pub(crate) async fn adopting(
        folder: Arc<TempDir>,
        sandboxes: FakeSandboxes,
        adopted: Vec<Adopted>,
    ) -> Self {
        let left = Left {
            adopted,
            ..Left::default()
        };
        Self::finding(folder, sandboxes, left).await
    }

    async fn finding(folder: Arc<TempDir>, sandboxes: FakeSandboxes, left: Left) -> Self {
        let store = Store::open(&folder.path().join("store")).unwrap();
        let config = ImageConfig {
            cmd: vec!["/serve".to_owned()],
            ..ImageConfig::default()
        };
        let image = assemble(&store, &config, &[]).unwrap().manifest;
        let state = State::open(&folder.path().join("state"), coracle_state::LogLimits::default()).unwrap();
        let tasks = Tasks::new();
        let parts = Parts {
            sandboxes: Arc::new(sandboxes.clone()),
            adopted: left.adopted,
            store,
            puller: left.puller,
            state,
            tasks: tasks.group(),
        };
        let settings = PlatformConfig {
            look_every: Duration::from_millis(20),
            spares: left.spares,
            ..PlatformConfig::default()
        };
        let platform = Platform::open(settings, parts).await.unwrap();
        let gateway = Gateway::new(Arc::clone(platform.routes()), Arc::new(Unrecorded), tasks.group());
        Self {
            platform,
            sandboxes,
            gateway: Arc::new(gateway),
            image,
            tasks,
            folder,
        }
    }

    pub(crate) fn deploy_of(&self, config: RevisionConfig) -> Deploy {
        Deploy {
            function: hello(),
            image: Deployable::Stored(self.image),
            reference: None,
            config,
        }
    }

    pub(crate) async fn deploy(&self) -> Result<Deployed, DeployError> {
        self.platform.deploy(self.deploy_of(config())).await
    }

    pub(crate) async fn get(&self) -> Answer {
        get(&self.gateway).await
    }

    /// Deploys, and lets the instance end for idleness.
    pub(crate) async fn deploy_and_sleep(&self) {
        let mut config = config();
        config.scale.idle = Span(Duration::from_millis(50));
        self.platform.deploy(self.deploy_of(config)).await.unwrap();
        self.sandboxes.created()[0].removed().await;
    }

    pub(crate) async fn end(self) -> (Arc<TempDir>, FakeSandboxes) {
        self.platform.end_instances().await;
        self.tasks.shutdown(Duration::from_secs(10)).await;
        (self.folder, self.sandboxes)
    }
}

pub(crate) async fn get(gateway: &Gateway) -> Answer {
    let request = http::Request::get("/function/hello/").header("host", "localhost");
    let response = gateway
        .handle(request.body(Inbound::empty()).unwrap(), Peer::Inside)
        .await;
    let status = response.status().as_u16();
    let body: Bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        status,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

pub(crate) fn hello() -> FunctionId {
    "hello".parse().unwrap()
}

pub(crate) fn config() -> RevisionConfig {
    RevisionConfig::default()
}

/// A configuration that gives up soon, for what never gets ready.
pub(crate) fn hasty() -> RevisionConfig {
    let mut config = config();
    config.health.grace = Span(Duration::from_millis(300));
    config
}
