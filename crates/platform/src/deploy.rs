//! Deploying: a new revision starts and shows that it is ready, then gets the traffic, then the old one drains.
//!
//! ```text
//! request ─► row `starting` ─► instance ─► probe ─┬► row `ready` ─► switch ─► old revision drains
//!                                                 └► row `failed`; what serves goes on serving
//! ```

use std::sync::Arc;
use std::time::Duration;

use coracle_content::{Store, StoreError};
use coracle_spec::revision::{Profile, Scale};
use coracle_spec::{Class, Deployable, Digest, Failure, FunctionId, RevisionConfig, Span};
use coracle_state::{NewRevision, StateError};
use coracle_tasks::CancellationToken;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::failure::StartFailure;
use crate::fleet::Fleet;
use crate::platform::Platform;
use crate::pull::PullError;
use crate::revision::Revision;

/// What to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// The function; a new one if there is none of that name.
    pub function: FunctionId,
    /// The image: in the store, or in a registry.
    pub image: Deployable,
    /// What to call the image when it is shown; one of a registry has its name there.
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
    /// The image is in a registry, and cannot be had from there.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// The store cannot be read.
    #[error("cannot look for the image")]
    Store(#[from] StoreError),
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The first instance did not become ready.
    #[error(transparent)]
    Start(Arc<StartFailure>),
    /// The state cannot be written.
    #[error("cannot note the revision")]
    State(#[from] StateError),
    /// Who asked for it no longer wants it.
    #[error("the deploy was given up before the revision was ready")]
    GivenUp,
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

impl Deploy {
    /// Answers the revision of an image that is in the store by now. One with a name in a registry is somebody else's.
    fn revision_of(self, image: Digest, author: Option<String>) -> NewRevision {
        let Self {
            function,
            image: named,
            reference,
            mut config,
        } = self;
        let reference = match named {
            Deployable::Stored(_) => reference,
            Deployable::Named(name) => {
                config.profile = Profile::Image;
                Some(name.to_string())
            }
        };
        NewRevision {
            function,
            image,
            reference,
            config,
            author,
        }
    }
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
            Self::Pull(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Config(error) => error.class(),
            Self::Start(error) => error.class(),
            Self::State(error) => error.class(),
            Self::GivenUp | Self::Stopping => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoImage { .. } => {
                Some("push it to the server first, as `coracle deploy` without `--image` does".to_owned())
            }
            Self::Pull(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Start(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::GivenUp | Self::Stopping => None,
        }
    }
}

impl Platform {
    /// Deploys a revision: answers once it serves, or why it does not.
    ///
    /// Deploys of one function happen one after the other.
    /// It goes on when the caller stops waiting: half a deploy would help nobody.
    pub async fn deploy(&self, deploy: Deploy) -> Result<Deployed, DeployError> {
        self.deploy_for(None, deploy).await
    }

    /// Does what [`Platform::deploy`] does, and notes who asked for it.
    pub async fn deploy_for(&self, author: Option<String>, deploy: Deploy) -> Result<Deployed, DeployError> {
        self.deploy_by(author, deploy, CancellationToken::new()).await
    }

    /// Does what [`Platform::deploy`] does, unless it is given up before the revision is ready.
    pub async fn deploy_unless(
        &self,
        deploy: Deploy,
        given_up: &CancellationToken,
    ) -> Result<Deployed, DeployError> {
        self.deploy_by(None, deploy, given_up.clone()).await
    }

    async fn deploy_by(
        &self,
        author: Option<String>,
        deploy: Deploy,
        given_up: CancellationToken,
    ) -> Result<Deployed, DeployError> {
        check(&deploy.config)?;
        let (platform, name) = (self.clone(), format!("deploy {}", deploy.function));
        let deploying = async move {
            let _turn = platform.turn(&deploy.function).await;
            platform.take_turn(author, deploy, &given_up).await
        };
        let answer = self.to_its_end(name, deploying).await;
        answer.unwrap_or(Err(DeployError::Stopping))
    }

    /// Does `work` to its end, also when the caller stops waiting for the answer; none comes when the platform ends
    /// first.
    pub(crate) fn to_its_end<T: Send + 'static>(
        &self,
        name: String,
        work: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        self.services().tasks.spawn(name, async move {
            // Who no longer waits needs no answer.
            let _ = answer.send(work.await);
        });
        answered
    }

    async fn take_turn(
        &self,
        author: Option<String>,
        deploy: Deploy,
        given_up: &CancellationToken,
    ) -> Result<Deployed, DeployError> {
        let (image, _held) = self.image_is_there(&deploy, given_up).await?;
        let revision = self.records().begin(deploy.revision_of(image, author)).await?;
        self.bring_up(revision, given_up).await
    }

    /// Looks for the image, or pulls it, and keeps it for as long as the answer lives: nothing else does before there
    /// is a revision of it.
    async fn image_is_there(
        &self,
        deploy: &Deploy,
        given_up: &CancellationToken,
    ) -> Result<(Digest, Store), DeployError> {
        match &deploy.image {
            Deployable::Stored(digest) => Ok((*digest, self.stored(*digest).await?)),
            Deployable::Named(image) => {
                let store = self.in_store(Store::held).await?;
                let digest = self.pull(image, &deploy.config, (&store, given_up)).await?;
                Ok((digest, store))
            }
        }
    }

    async fn stored(&self, digest: Digest) -> Result<Store, DeployError> {
        let looked = self.in_store(move |store| {
            let held = store.held()?;
            Ok(held.blob(&digest)?.map(|_| held))
        });
        looked.await?.ok_or(DeployError::NoImage { digest })
    }

    async fn in_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.services().store.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    async fn bring_up(
        &self,
        revision: Revision,
        given_up: &CancellationToken,
    ) -> Result<Deployed, DeployError> {
        let fleet = self.fleet(revision, None);
        let ready_after = match self.try_out_unless(&fleet, given_up).await {
            Ok(ready_after) => ready_after,
            Err(error) => {
                self.records().fail(fleet.revision()).await?;
                return Err(error);
            }
        };
        if let Err(error) = self.records().activate(fleet.revision()).await {
            fleet.close();
            return Err(error.into());
        }
        self.services().journal.deployed(fleet.revision());
        Ok(self.switch_to(&fleet, ready_after))
    }

    /// Tries a fleet out. When that is given up, what has been started ends in the background.
    async fn try_out_unless(
        &self,
        fleet: &Arc<Fleet>,
        given_up: &CancellationToken,
    ) -> Result<Duration, DeployError> {
        let (own, name) = (Arc::clone(fleet), format!("try out {fleet:?}"));
        let trying = self.to_its_end(name, async move { try_out(&own).await });
        match given_up.run_until_cancelled(trying).await {
            Some(Ok(tried)) => tried.map_err(DeployError::Start),
            Some(Err(_)) => Err(DeployError::Stopping),
            None => {
                fleet.close();
                Err(DeployError::GivenUp)
            }
        }
    }

    /// Leads the function's requests to `fleet`, and lets the one before go.
    pub(crate) fn switch_to(&self, fleet: &Arc<Fleet>, ready_after: Duration) -> Deployed {
        let replaced = self.functions().lead_to(fleet).map(|old| {
            old.retire();
            old.revision().number
        });
        Deployed {
            revision: Arc::clone(fleet.revision()),
            url: self.url_of(&fleet.revision().function),
            ready_after,
            replaced,
        }
    }
}

/// Starts the first instance of a fleet that is to serve, and answers how long that took. Of one that does not get
/// ready nothing is left.
pub(crate) async fn try_out(fleet: &Arc<Fleet>) -> Result<Duration, Arc<StartFailure>> {
    let began = Instant::now();
    match fleet.start().await {
        Ok(_) => Ok(began.elapsed()),
        Err(failure) => {
            fleet.close();
            Err(failure)
        }
    }
}

fn check(config: &RevisionConfig) -> Result<(), ConfigError> {
    let resources = &config.resources;
    check_not_zero(&[
        ("resources.memory", resources.memory.bytes()),
        ("resources.pids", u64::from(resources.pids)),
        ("port", config.port.map_or(1, u64::from)),
        ("health.interval", millis(config.health.interval)),
        ("health.timeout", millis(config.health.timeout)),
        ("health.grace", millis(config.health.grace)),
    ])?;
    check_scale(&config.scale)
}

/// Fails when a scale contradicts itself.
pub(crate) fn check_scale(scale: &Scale) -> Result<(), ConfigError> {
    check_not_zero(&[
        ("scale.max", u64::from(scale.max)),
        ("scale.concurrency", u64::from(scale.concurrency)),
    ])?;
    if scale.min > scale.max {
        return Err(ConfigError::Scale {
            min: scale.min,
            max: scale.max,
        });
    }
    Ok(())
}

fn check_not_zero(values: &[(&'static str, u64)]) -> Result<(), ConfigError> {
    match values.iter().find(|(_, value)| *value == 0) {
        Some((key, _)) => Err(ConfigError::Zero { key }),
        None => Ok(()),
    }
}

fn millis(span: Span) -> u64 {
    u64::try_from(span.duration().as_millis()).unwrap_or(u64::MAX)
}
