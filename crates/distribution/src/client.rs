//! What callers hold.

use std::fmt;
use std::sync::Arc;

use coracle_content::{Store, StoreError};
use coracle_oci::Image;
use coracle_spec::manifest::Platform;
use coracle_spec::{Digest, ImageRef};
use coracle_tasks::CancellationToken;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use tokio_util::task::TaskTracker;

use crate::call::Call;
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::DistributionError;
use crate::holdings::Party;
use crate::nearby::Nearby;
use crate::places::Places;
use crate::progress::Progress;
use crate::pull::{self, Resolved};
use crate::push::{Layers, Pushed};
use crate::reply;
use crate::session::{Access, Session};
use crate::settings::Settings;
use crate::shared::Shared;

/// A client of image registries, over a store. Cloning it is cheap; clones share connections and tokens.
#[derive(Clone)]
pub struct Client {
    pub(crate) store: Store,
    pub(crate) layers: Layers,
    pub(crate) shared: Arc<Shared>,
    /// What no registry has to be asked for.
    pub(crate) nearby: Option<Arc<dyn Nearby>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client; nothing is read or sent yet.
    pub fn new(store: Store, settings: Settings) -> Self {
        Self {
            store,
            layers: Layers::default(),
            shared: Arc::new(Shared::new(settings)),
            nearby: None,
        }
    }

    /// Answers the same client over `store`: the same one, [held](Store::held) by somebody.
    #[must_use]
    pub fn over(&self, store: Store) -> Self {
        Self {
            store,
            ..self.clone()
        }
    }

    /// Answers the same client that pushes layers so.
    #[must_use]
    pub fn pushing(&self, layers: Layers) -> Self {
        Self {
            layers,
            ..self.clone()
        }
    }

    /// Answers a client with the same settings that is somebody else: it shares no tokens with this one.
    #[must_use]
    pub fn with_credentials(&self, credentials: Arc<dyn Credentials>) -> Self {
        Self {
            shared: Arc::new(self.shared.with_credentials(credentials)),
            nearby: None,
            ..self.clone()
        }
    }

    /// Answers the client of one of several parties that share the store and must not learn of each other: it shares no
    /// tokens with this one, and of what the store has, only what was sent to this party or made for it is there for it.
    ///
    /// Equal names are one party, for every client over the store.
    #[must_use]
    pub fn of_party(&self, name: &str, credentials: Arc<dyn Credentials>) -> Self {
        let shared = self.shared.with_credentials(credentials);
        Self {
            shared: Arc::new(shared.of_party(Party::new(name))),
            nearby: None,
            ..self.clone()
        }
    }

    /// Answers the same client, for which the images that `nearby` finds are [there](Self::holds): no registry is asked
    /// for them.
    #[must_use]
    pub fn finding(&self, nearby: Arc<dyn Nearby>) -> Self {
        Self {
            nearby: Some(nearby),
            ..self.clone()
        }
    }

    /// Answers whose client it is, if it is a party's.
    pub fn party(&self) -> Option<&str> {
        self.shared.party.as_ref().map(Party::name)
    }

    /// Answers whether the store has these bytes, and they are there for whoever's client this is. Blocks.
    pub fn holds(&self, digest: &Digest) -> Result<bool, StoreError> {
        let known = match &self.shared.party {
            Some(party) => party.holds(&self.store, digest)?,
            None => true,
        };
        Ok(known && self.store.blob(digest)?.is_some())
    }

    /// Notes that these bytes, which the store has, were sent to whoever's client this is, or made for them. Blocks.
    pub fn note_held(&self, digest: &Digest) -> Result<(), StoreError> {
        match &self.shared.party {
            Some(party) => party.note(&self.store, digest),
            None => Ok(()),
        }
    }

    /// Finds out what a name stands for. The image's manifest and configuration are in the store then.
    ///
    /// A name with a digest whose manifest and configuration [are there](Self::holds) costs no request.
    pub async fn resolve(&self, image: &ImageRef, platform: Platform) -> Result<Resolved, DistributionError> {
        self.do_resolve(image, platform).await
    }

    /// Pulls an image: what of it [is not there](Self::holds) is fetched and verified. A pull that fails or is cancelled
    /// leaves only blobs that are whole.
    ///
    /// The caller holds the store, or names the image, before anybody may collect what nothing uses.
    pub async fn pull(
        &self,
        image: &ImageRef,
        platform: Platform,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<Image, DistributionError> {
        let threads = TaskTracker::new();
        let pulling = Box::pin(self.do_pull(image, platform, &threads, progress));
        let pulled = cancel.run_until_cancelled(pulling).await;
        pull::ended(threads).await;
        pulled.unwrap_or(Err(DistributionError::Cancelled))
    }

    /// Pushes an image in the store, or an index with all its images, by its digest under a name: blobs that the
    /// registry lacks first, the manifest last. Nothing refers to what a push that fails or is cancelled leaves there;
    /// here it leaves layers that were compressed whole.
    ///
    /// What a [party](Self::of_party) pushes was made for it, and is there for it from then on.
    pub async fn push(
        &self,
        image: Digest,
        to: &ImageRef,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<Pushed, DistributionError> {
        let threads = TaskTracker::new();
        let pushing = Box::pin(self.do_push(image, to, &threads, progress));
        let pushed = cancel.run_until_cancelled(pushing).await;
        pull::ended(threads).await;
        pushed.unwrap_or(Err(DistributionError::Cancelled))
    }

    /// Answers where blobs are in the registry of `image`.
    pub(crate) fn places<'a>(&'a self, image: &'a ImageRef) -> Places<'a> {
        Places {
            store: &self.store,
            party: self.shared.party.as_ref(),
            registry: image.registry(),
        }
    }

    /// Does several things at once, as many as are allowed; the first failure ends them all.
    pub(crate) async fn together<T: Send>(
        &self,
        work: Vec<BoxFuture<'_, Result<T, DistributionError>>>,
    ) -> Result<Vec<T>, DistributionError> {
        let at_once = self.shared.settings.concurrency.max(1);
        stream::iter(work).buffer_unordered(at_once).try_collect().await
    }

    /// Asks a registry whether it knows who we are there (distribution-spec, "Determining Support").
    pub async fn check(&self, registry: &str) -> Result<(), DistributionError> {
        let endpoint = Endpoint::origin(registry);
        let session = Session::open_at(&self.shared, &endpoint, registry, ("", Access::Pull)).await?;
        let call = Call::new(http::Method::GET, session.registry_url());
        let response = session.send(&call).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(reply::unexpected(response, registry, session.patience()).await)
    }

    /// Asks for the digest that a registry has under a name, with no word about its platform.
    pub async fn digest(&self, image: &ImageRef) -> Result<Digest, DistributionError> {
        let endpoint = Endpoint::origin(image.registry());
        let session = Session::open(&self.shared, &endpoint, image, Access::Pull).await?;
        Ok(self.named(&session, image).await?.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn is_send(_: impl Send) {}

    #[tokio::test]
    async fn pulls_and_pushes_can_be_spawned() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("store")).unwrap();
        let client = Client::new(store, Settings::default());
        let (image, cancel) = ("alpine".parse().unwrap(), CancellationToken::new());
        is_send(client.resolve(&image, Platform::LinuxAmd64));
        is_send(client.pull(&image, Platform::LinuxAmd64, &Silent, &cancel));
        is_send(client.push(Digest::of(""), &image, &Silent, &cancel));
        is_send(client.check("docker.io"));
    }
}
