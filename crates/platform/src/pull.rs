//! Images that others built: brought into the store before a revision is made of them, and pinned by their digests.
//!
//! Whoever talks to registries is behind a trait: here nothing knows HTTP.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coracle_content::Store;
use coracle_spec::{Class, Digest, Failure, ImageRef, RegistryHost, RegistryName, RevisionConfig};
use coracle_state::{Login, StateError};
use coracle_tasks::CancellationToken;
use tokio::time::timeout;

use crate::failure::SharedFailure;
use crate::platform::Platform;

/// How long a pull may take.
const PATIENCE: Duration = Duration::from_mins(20);

/// Brings images of registries into a store.
#[async_trait]
pub trait Puller: Send + Sync {
    /// Brings one there, for this machine's processors, and answers its manifest. Ends soon after it is dropped.
    async fn pull(&self, pull: Pull) -> Result<Digest, SharedFailure>;
}

/// An image on its way here.
#[derive(Debug, Clone)]
pub struct Pull {
    /// Its name.
    pub image: ImageRef,
    /// Who we are at its registry; none: whoever the server is there.
    pub login: Option<Login>,
    /// Where it goes; keeps what comes from collection.
    pub store: Store,
}

/// Pulls nothing: for platforms whose images are all made here.
#[derive(Debug, Clone, Copy, Default)]
pub struct PullsNothing;

/// No images are pulled.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this server pulls no images")]
struct NothingIsPulled;

impl Failure for NothingIsPulled {
    fn class(&self) -> Class {
        Class::User
    }
}

#[async_trait]
impl Puller for PullsNothing {
    async fn pull(&self, _pull: Pull) -> Result<Digest, SharedFailure> {
        Err(Arc::new(NothingIsPulled))
    }
}

/// Why an image was not pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The registry does not have it, does not let us in, or does not answer.
    #[error("cannot pull `{image}`")]
    Registry {
        /// The image.
        image: ImageRef,
        /// The stored credential that was used.
        credential: Option<RegistryName>,
        /// Why.
        source: SharedFailure,
    },
    /// It took too long.
    #[error("pulling `{image}` took longer than {} minutes", PATIENCE.as_secs() / 60)]
    TooSlow {
        /// The image.
        image: ImageRef,
    },
    /// The credential is for another registry, which alone may see it.
    #[error("the credential `{name}` is for `{host}`, and `{image}` is not there")]
    OtherRegistry {
        /// The credential.
        name: RegistryName,
        /// The registry that it is for.
        host: RegistryHost,
        /// The image.
        image: ImageRef,
    },
    /// The credential is not stored, or cannot be read.
    #[error(transparent)]
    Credential(#[from] StateError),
    /// Who asked for it no longer wants it.
    #[error("the pull was given up")]
    GivenUp,
}

impl Failure for PullError {
    fn class(&self) -> Class {
        match self {
            Self::Registry { source, .. } => match source.class() {
                // It is the deploy that is wrong: what it asks this server for exists, and the caller may ask for it.
                Class::NotFound | Class::Denied => Class::User,
                class => class,
            },
            Self::OtherRegistry { .. } => Class::User,
            Self::TooSlow { .. } | Self::GivenUp => Class::Unavailable,
            Self::Credential(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Registry {
                image,
                credential: Some(name),
                source,
            } if source.class() == Class::Denied => Some(format!(
                "store what is right now: `coracle registry login {} --name {name}`",
                image.registry()
            )),
            Self::Registry { image, source, .. } if source.class() == Class::Denied => Some(format!(
                "store a credential with `coracle registry login {} --name NAME`, and name it in the manifest: \
                 `registry: NAME`",
                image.registry()
            )),
            // What there is instead can be chosen where images are pulled by hand only.
            Self::Registry { source, .. } if source.class() == Class::NotFound => None,
            Self::Registry { source, .. } => source.hint(),
            Self::OtherRegistry { .. } => Some("name another one in the manifest's `registry`".to_owned()),
            Self::Credential(error) => error.hint(),
            Self::TooSlow { .. } | Self::GivenUp => None,
        }
    }
}

impl Platform {
    /// Pulls an image with the credential that a revision names, into a store that keeps it.
    pub(crate) async fn pull(
        &self,
        image: &ImageRef,
        config: &RevisionConfig,
        (store, given_up): (&Store, &CancellationToken),
    ) -> Result<Digest, PullError> {
        let login = self.login(image, config.registry.as_ref()).await?;
        let pulling = self.services().puller.pull(Pull {
            image: image.clone(),
            login,
            store: store.clone(),
        });
        let image = image.clone();
        match given_up.run_until_cancelled(timeout(PATIENCE, pulling)).await {
            Some(Ok(Ok(digest))) => Ok(digest),
            Some(Ok(Err(source))) => Err(PullError::Registry {
                image,
                credential: config.registry.clone(),
                source,
            }),
            Some(Err(_)) => Err(PullError::TooSlow { image }),
            None => Err(PullError::GivenUp),
        }
    }

    async fn login(&self, image: &ImageRef, name: Option<&RegistryName>) -> Result<Option<Login>, PullError> {
        let Some(name) = name else { return Ok(None) };
        let Some(login) = self.records().state().login(name).await? else {
            return Err(StateError::UnknownRegistry(name.clone()).into());
        };
        if login.host != RegistryHost::of(image) {
            return Err(PullError::OtherRegistry {
                name: name.clone(),
                host: login.host,
                image: image.clone(),
            });
        }
        Ok(Some(login))
    }
}
