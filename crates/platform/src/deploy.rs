//! Deploying: a new revision starts and shows that it is ready, then gets the traffic, then the old one drains.
//!
//! ```text
//! request ─► row `starting` ─► instance ─► probe ─┬► row `ready` ─► switch ─► old revision drains
//!                                                 └► row `failed`; what serves goes on serving
//! ```

use std::sync::Arc;
use std::time::Duration;

use coracle_spec::{Class, Digest, Failure, FunctionId, RevisionConfig, Span};
use coracle_state::StateError;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::failure::StartFailure;
use crate::fleet::Fleet;
use crate::platform::Platform;
use crate::revision::Revision;

/// What to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// The function; a new one if there is none of that name.
    pub function: FunctionId,
    /// The image's manifest, in the store.
    pub image: Digest,
    /// What to call the image when it is shown.
    pub reference: Option<String>,
    /// The rest of what the revision consists of.
    pub config: RevisionConfig,
}

/// What a deploy made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The revision that serves now.
    pub revision: Arc<Revision>,
    /// Where the function answers.
    pub url: String,
    /// From the start of its first instance to the answer to the probe.
    pub ready_after: Duration,
    /// The revision that served before, if one did.
    pub replaced: Option<u64>,
}

/// Why a deploy failed. Whatever served before still does.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The image is not in the store.
    #[error("image `{digest}` is not in the store")]
    NoImage {
        /// The image's manifest.
        digest: Digest,
    },
    /// The store cannot be read.
    #[error("cannot look for the image")]
    Store(#[from] coracle_content::StoreError),
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The first instance did not become ready.
    #[error(transparent)]
    Start(Arc<StartFailure>),
    /// The state cannot be written.
    #[error("cannot note the revision")]
    State(#[from] StateError),
    /// The platform ends.
    #[error("the platform is shutting down")]
    Stopping,
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// More instances at least than at most.
    #[error("`scale.min` is {min}, more than `scale.max`, {max}")]
    Scale {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A value that must not be zero is.
    #[error("`{key}` is 0")]
    Zero {
        /// Where the value is.
        key: &'static str,
    },
}

impl Failure for ConfigError {
    fn class(&self) -> Class {
        Class::User
    }
}

impl Failure for DeployError {
    fn class(&self) -> Class {
        match self {
            Self::NoImage { .. } => Class::User,
            Self::Store(error) => error.class(),
            Self::Config(error) => error.class(),
            Self::Start(error) => error.class(),
            Self::State(error) => error.class(),
            Self::Stopping => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoImage { .. } => Some("send its blobs first, as `coracle deploy` does".to_owned()),
            Self::Store(error) => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Start(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Stopping => None,
        }
    }
}

impl Platform {
    /// Deploys a revision: answers once it serves, or why it does not.
    ///
    /// Deploys of one function happen one after the other.
    /// It goes on when the caller stops waiting: half a deploy would help nobody.
    pub async fn deploy(&self, deploy: Deploy) -> Result<Deployed, DeployError> {
        check(&deploy.config)?;
        self.image_is_there(deploy.image).await?;
        let (answer, answered) = oneshot::channel();
        let (platform, name) = (self.clone(), format!("deploy {}", deploy.function));
        self.services().tasks.spawn(name, async move {
            // Who no longer waits needs no answer.
            let _ = answer.send(platform.take_turn(deploy).await);
        });
        answered.await.unwrap_or(Err(DeployError::Stopping))
    }

    async fn take_turn(&self, deploy: Deploy) -> Result<Deployed, DeployError> {
        let _turn = self.turn(&deploy.function).await;
        let revision = self.records().begin(deploy).await?;
        self.bring_up(revision).await
    }

    async fn image_is_there(&self, digest: Digest) -> Result<(), DeployError> {
        let store = self.services().store.clone();
        let looked = tokio::task::spawn_blocking(move || store.blob(&digest)).await;
        match looked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))? {
            Some(_) => Ok(()),
            None => Err(DeployError::NoImage { digest }),
        }
    }

    async fn bring_up(&self, revision: Revision) -> Result<Deployed, DeployError> {
        let began = Instant::now();
        let fleet = Fleet::new(revision, self.services());
        if let Err(failure) = fleet.start().await {
            fleet.close();
            self.records().fail(fleet.revision()).await?;
            return Err(DeployError::Start(failure));
        }
        let ready_after = began.elapsed();
        if let Err(error) = self.records().activate(fleet.revision()).await {
            fleet.close();
            return Err(error.into());
        }
        let replaced = self.switch_to(&fleet);
        self.services().journal.deployed(fleet.revision());
        Ok(Deployed {
            revision: Arc::clone(fleet.revision()),
            url: self.url_of(&fleet.revision().function),
            ready_after,
            replaced,
        })
    }

    /// Leads the function's requests to `fleet`, and lets the one before go. Answers the number of that one.
    fn switch_to(&self, fleet: &Arc<Fleet>) -> Option<u64> {
        let old = self.functions().lead_to(fleet)?;
        old.retire();
        Some(old.revision().number)
    }
}

fn check(config: &RevisionConfig) -> Result<(), ConfigError> {
    let scale = &config.scale;
    let resources = &config.resources;
    for (key, value) in [
        ("scale.max", u64::from(scale.max)),
        ("scale.concurrency", u64::from(scale.concurrency)),
        ("resources.memory", resources.memory.bytes()),
        ("resources.pids", u64::from(resources.pids)),
        ("port", config.port.map_or(1, u64::from)),
        ("health.interval", millis(config.health.interval)),
        ("health.timeout", millis(config.health.timeout)),
        ("health.grace", millis(config.health.grace)),
    ] {
        if value == 0 {
            return Err(ConfigError::Zero { key });
        }
    }
    if scale.min > scale.max {
        return Err(ConfigError::Scale {
            min: scale.min,
            max: scale.max,
        });
    }
    Ok(())
}

fn millis(span: Span) -> u64 {
    u64::try_from(span.duration().as_millis()).unwrap_or(u64::MAX)
}
