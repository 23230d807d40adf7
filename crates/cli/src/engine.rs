//! What builds and what runs, put together from the settings.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coracle_build::{Builder, Surroundings, Tools};
use coracle_content::{Scratch, Store, StoreError};
use coracle_debian::{Archive, InvalidMirror};
use coracle_distribution::Client;
use coracle_fetch::{ConfigError, Fetcher};
use coracle_netns::{DialError, Dialer, NoNames};
use coracle_sandbox::{KeeperClient, KeeperConfig, KeeperError, Limits, Sandboxes, WithLoopback};
use coracle_server::Instances;
use coracle_spec::{Class, Failure};
use coracle_tasks::Tasks;

use crate::context::Context;
use crate::settings::{Outside, Settings};

/// The hidden verb that makes this program a keeper.
pub(crate) const KEEPER: &str = "keeper";
/// How long one step of a build may take.
const STEP_TIMEOUT: Duration = Duration::from_mins(30);
/// Processes and threads of one step: compilers start many.
const STEP_PIDS: u32 = 8192;
/// How long sandboxes may take to end with the program.
const END: Duration = Duration::from_secs(15);

/// Builds and runs for one command. Its sandboxes end with it, however it ends.
pub(crate) struct Engine {
    /// Keeps images and caches.
    pub(crate) store: Store,
    /// Builds.
    pub(crate) builder: Builder,
    keeper: Keeper,
    tasks: Tasks,
    _run: Scratch,
}

/// Why nothing can be built or run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// The store cannot be opened.
    #[error("cannot use the data directory `{}`", data.display())]
    Store {
        /// The data directory.
        data: PathBuf,
        /// Why not.
        source: StoreError,
    },
    /// The Debian mirror's address cannot be read.
    #[error("`CORACLE_DEBIAN_MIRROR` names no mirror")]
    Mirror(#[from] InvalidMirror),
    /// Nothing can be downloaded with these settings.
    #[error("cannot download with these settings")]
    Fetch(#[from] ConfigError),
    /// Sandboxes could not be reached.
    #[error("cannot reach into sandboxes")]
    Dial(#[from] DialError),
}

impl Failure for EngineError {
    fn class(&self) -> Class {
        match self {
            // The user named the directory.
            Self::Store { source, .. } if source.class() == Class::Internal => Class::User,
            Self::Store { source, .. } => source.class(),
            Self::Mirror(error) => error.class(),
            Self::Fetch(error) => error.class(),
            Self::Dial(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } => source
                .hint()
                .or_else(|| Some("name a directory that you may write to with `--data DIR`".to_owned())),
            Self::Mirror(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::Dial(error) => error.hint(),
        }
    }
}

impl Engine {
    /// Puts everything together; no sandbox exists yet.
    pub(crate) fn open(context: &Context) -> Result<Self, EngineError> {
        let settings = &context.settings;
        let store = open_store(settings)?;
        let run = store.scratch().map_err(|source| failed(settings, source))?;
        let tasks = Tasks::new();
        let keeper = Keeper::new(run.path().to_owned(), Duration::ZERO, &tasks, &settings.outside)?;
        let tools = tools(&store, &keeper, settings)?;
        Ok(Self {
            store,
            builder: Builder::new(tools),
            keeper,
            tasks,
            _run: run,
        })
    }

    /// Answers what makes sandboxes.
    pub(crate) fn sandboxes(&self) -> Arc<dyn Sandboxes> {
        self.keeper.sandboxes()
    }

    /// Ends all sandboxes.
    pub(crate) async fn close(self) {
        self.keeper.end(&self.tasks).await;
    }
}

/// Answers what builds, in sandboxes of `keeper`.
pub(crate) fn builder(store: &Store, keeper: &Keeper, settings: &Settings) -> Result<Builder, EngineError> {
    Ok(Builder::new(tools(store, keeper, settings)?))
}

/// Answers what a builder works with.
pub(crate) fn tools(store: &Store, keeper: &Keeper, settings: &Settings) -> Result<Tools, EngineError> {
    let outside = &settings.outside;
    Ok(Tools {
        store: store.clone(),
        fetcher: Fetcher::new(outside.fetch_config())?,
        archive: Archive::choose(outside.debian_mirror.as_deref(), &outside.apt)?,
        images: Client::new(store.clone(), settings.registries.client(outside)),
        sandboxes: keeper.sandboxes(),
        surroundings: surroundings(settings),
    })
}

/// Opens the store in the data directory, and makes it if it is not there.
pub(crate) fn open_store(settings: &Settings) -> Result<Store, EngineError> {
    Store::open(&coracle_server::store(&settings.data)).map_err(|source| failed(settings, source))
}

fn failed(settings: &Settings, source: StoreError) -> EngineError {
    EngineError::Store {
        data: settings.data.clone(),
        source,
    }
}

/// A keeper, which is this very program, and what makes sandboxes through it.
pub(crate) struct Keeper {
    client: KeeperClient,
    sandboxes: WithLoopback,
}

impl Keeper {
    /// Makes a client of a keeper with its socket in `run`; the keeper starts with the first sandbox.
    pub(crate) fn new(
        run: PathBuf,
        lease: Duration,
        tasks: &Tasks,
        outside: &Outside,
    ) -> Result<Self, DialError> {
        let dialer = Dialer::start()?;
        let config = KeeperConfig::this_program(KEEPER, run, lease);
        let client = KeeperClient::new(config, tasks.group(), dialer.clone());
        let inner = Arc::new(client.clone());
        let around = (dialer, tasks.group());
        let sandboxes = WithLoopback::new(inner, around, Arc::new(NoNames), outside.loopback_proxies());
        Ok(Self { client, sandboxes })
    }

    /// Answers what makes sandboxes.
    pub(crate) fn sandboxes(&self) -> Arc<dyn Sandboxes> {
        Arc::new(self.sandboxes.clone())
    }

    /// Starts the keeper now, so that a host that cannot run one says so.
    pub(crate) async fn prepare(&self) -> Result<(), KeeperError> {
        self.client.prepare().await
    }

    /// Answers what makes instances, and those that an earlier server left with the keeper.
    pub(crate) async fn instances(&self) -> Result<Instances, KeeperError> {
        let adopted = self.client.adopt().await?;
        for left in &adopted {
            if let Err(error) = self.sandboxes.attach(&left.sandbox).await {
                tracing::warn!(%error, sandbox = %left.spec.id, "an instance of the last server has no resolver");
            }
        }
        Ok(Instances {
            sandboxes: self.sandboxes(),
            adopted,
        })
    }

    /// Ends the keeper with all that it keeps.
    pub(crate) async fn end(&self, tasks: &Tasks) {
        if let Err(error) = self.client.shutdown(END).await {
            tracing::warn!(%error, "sandboxes did not end in time; their keeper goes on ending them");
        }
        tasks.shutdown(END).await;
    }
}

fn surroundings(settings: &Settings) -> Surroundings {
    let Settings { outside, steps, .. } = settings;
    Surroundings {
        registries: outside.registries.clone(),
        ca_bundle: outside.step_bundle(),
        own_bundle: outside.own_bundle(),
        proxies: outside.proxy_variables(),
        step_timeout: STEP_TIMEOUT,
        limits: Limits {
            memory: steps.memory,
            cpu: None,
            pids: STEP_PIDS,
        },
        disk: steps.disk,
    }
}
