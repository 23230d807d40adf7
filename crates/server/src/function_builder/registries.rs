//! Where images go: into the server's own registry, without credentials to set up, or to somebody else's with those
//! of the tenant, which are never another's nor the server's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use coracle_distribution::{Anonymous, Client, Credentials, Outcome, Part, Progress, Transfer};
use coracle_platform::{BuildEvent, Observer, Publication, Publisher, SharedFailure, Tenant};
use coracle_registry::{Among, Registry, RegistryError, Repository, Tag};
use coracle_spec::{Class, Failure};
use coracle_tasks::CancellationToken;

use crate::own_registry::OwnHosts;

/// Brings images to their registries.
pub(crate) struct Registries {
    /// What the server's own registry is called.
    pub(crate) own: OwnHosts,
    /// The server's own registry.
    pub(crate) registry: Registry,
    /// Reaches others.
    pub(crate) client: Client,
    /// Whether several tenants build here.
    pub(crate) among: Among,
    /// Who each tenant is there.
    pub(crate) logins: BTreeMap<Tenant, Arc<dyn Credentials>>,
}

/// Why an image is not put into the server's own registry.
#[derive(Debug, thiserror::Error)]
enum PutError {
    /// The repository is another tenant's, or nobody's build made it.
    #[error("`{0}` in this server's registry is not this tenant's")]
    NotTheirs(Repository),
    /// The registry failed.
    #[error("cannot put it into this server's registry")]
    Registry(#[from] RegistryError),
}

impl Failure for PutError {
    fn class(&self) -> Class {
        match self {
            Self::NotTheirs(_) => Class::Denied,
            Self::Registry(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotTheirs(_) => Some("choose another name for the image".to_owned()),
            Self::Registry(error) => error.hint(),
        }
    }
}

#[async_trait]
impl Publisher for Registries {
    async fn publish(
        &self,
        publication: Publication,
        observer: Arc<dyn Observer>,
        cancel: &CancellationToken,
    ) -> Result<(), SharedFailure> {
        let name = publication.reference.full_name();
        tell(&*observer, &format!("pushing {name}@{}", publication.digest));
        if self.own.has(&publication.reference) {
            self.put(publication).await?;
        } else {
            self.push(&publication, &*observer, cancel).await?;
        }
        tell(&*observer, &format!("pushed {name}"));
        Ok(())
    }
}

impl Registries {
    async fn put(&self, publication: Publication) -> Result<(), SharedFailure> {
        let registry = self.registry.clone();
        let repository = Repository::of(&publication.reference);
        let tag: Tag = shared(publication.reference.tag_or_latest().parse())?;
        let among = self.among;
        let put = move || {
            let image = (&tag, &publication.digest);
            if registry.put_build(&repository, image, (publication.tenant.as_str(), among))? {
                Ok(())
            } else {
                Err(PutError::NotTheirs(repository))
            }
        };
        let putting = tokio::task::spawn_blocking(put).await;
        shared(putting.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())))
    }

    async fn push(
        &self,
        publication: &Publication,
        observer: &dyn Observer,
        cancel: &CancellationToken,
    ) -> Result<(), SharedFailure> {
        let login = self.logins.get(&publication.tenant).cloned();
        let login = login.unwrap_or_else(|| Arc::new(Anonymous));
        let client = self.client.of_party(publication.tenant.as_str(), login);
        let progress = Told(observer);
        let pushed = client
            .push(publication.digest, &publication.reference, &progress, cancel)
            .await;
        shared(pushed.map(drop))
    }
}

fn shared<T, E: Failure>(result: Result<T, E>) -> Result<T, SharedFailure> {
    result.map_err(|error| Arc::new(error) as SharedFailure)
}

/// Tells of a push in the build's log.
struct Told<'a>(&'a dyn Observer);

impl Progress for Told<'_> {
    fn ended(&self, transfer: &Transfer, outcome: Outcome) {
        let how = match outcome {
            Outcome::Moved => "pushed",
            Outcome::Present => "already there:",
            Outcome::Mounted => "mounted",
        };
        let what = match transfer.part {
            Part::Layer => "layer",
            Part::Config => "configuration",
        };
        tell(
            self.0,
            &format!("{how} {what} {} ({} bytes)", transfer.digest, transfer.size),
        );
    }
}

fn tell(observer: &dyn Observer, text: &str) {
    observer.event(BuildEvent::Line {
        step: &"push".into(),
        text,
    });
}
