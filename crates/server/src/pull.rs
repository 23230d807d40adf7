//! Pulling images that others built: out of the own registry, else from the registry that their names name.

use std::sync::Arc;

use async_trait::async_trait;
use coracle_distribution::{Client, Credential, One, Silent};
use coracle_platform::{Login, Pull, Puller, SharedFailure};
use coracle_registry::{Registry, RegistryError};
use coracle_spec::manifest::Platform;
use coracle_spec::{Class, Digest, Failure, ImageRef};
use coracle_tasks::CancellationToken;

use crate::own_registry::{OwnHosts, pinned};

/// Pulls images for functions.
pub(crate) struct FromRegistries {
    /// Is whoever the server is where nothing else is said.
    pub(crate) client: Client,
    /// The server's own registry.
    pub(crate) registry: Registry,
    /// What that one is called.
    pub(crate) own: OwnHosts,
}

/// The own registry has no such image.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not in this server's registry")]
struct NotHere(ImageRef);

impl Failure for NotHere {
    fn class(&self) -> Class {
        Class::NotFound
    }
}

#[async_trait]
impl Puller for FromRegistries {
    async fn pull(&self, pull: Pull) -> Result<Digest, SharedFailure> {
        let Pull { image, login, store } = pull;
        let (image, client) = if self.own.has(&image) {
            // All of it is in the store: nobody is asked.
            (self.own_image(image).await?, self.client.clone())
        } else {
            (image, self.client_as(login))
        };
        let client = client.over(store);
        // Whoever loses interest drops this, and with it the requests.
        let never = CancellationToken::new();
        let pulled = client.pull(&image, Platform::OWN, &Silent, &never).await;
        Ok(pulled.map_err(shared)?.manifest)
    }
}

impl FromRegistries {
    fn client_as(&self, login: Option<Login>) -> Client {
        match login {
            Some(Login {
                host,
                username,
                password,
            }) => {
                let credential = Credential::basic(username, password.expose());
                self.client.with_credentials(Arc::new(One::at(host, credential)))
            }
            None => self.client.clone(),
        }
    }

    async fn own_image(&self, image: ImageRef) -> Result<ImageRef, SharedFailure> {
        let registry = self.registry.clone();
        let look = move || -> Result<ImageRef, SharedFailure> {
            let found = pinned(&registry, &image).map_err(|error: RegistryError| shared(error))?;
            found.ok_or_else(|| shared(NotHere(image)))
        };
        let looked = tokio::task::spawn_blocking(look).await;
        looked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

fn shared(error: impl Failure) -> SharedFailure {
    Arc::new(error)
}
