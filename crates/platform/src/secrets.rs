//! Secrets: set and removed here, read by instances only.

use coracle_spec::{Class, Failure, Namespace};
use coracle_state::{Secret, SecretError};

use crate::launch;
use crate::platform::Platform;

/// The secrets, off the runtime's threads: the disk may take its time.
pub(crate) struct Secrets(coracle_state::Secrets);

/// A revision names a secret that its instances cannot have.
#[derive(Debug, thiserror::Error)]
#[error("cannot read secret `{name}`")]
pub(crate) struct UnreadableSecret {
    /// The secret.
    pub(crate) name: String,
    /// Why.
    pub(crate) source: SecretError,
}

impl Failure for UnreadableSecret {
    fn class(&self) -> Class {
        match self.source.class() {
            // It is the revision that is wrong: what was asked for, a deploy or a request, exists.
            Class::NotFound => Class::User,
            class => class,
        }
    }

    fn hint(&self) -> Option<String> {
        self.source.hint()
    }
}

impl Secrets {
    pub(crate) fn new(secrets: coracle_state::Secrets) -> Self {
        Self(secrets)
    }

    /// Reads the values of `names`, in their order.
    pub(crate) async fn read(
        &self,
        namespace: &Namespace,
        names: &[String],
    ) -> Result<Vec<launch::Secret>, UnreadableSecret> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let (namespace, names) = (namespace.clone(), names.to_vec());
        self.blocking(move |secrets| {
            let read = |name: String| match secrets.get(&namespace, &name) {
                Ok(value) => Ok((name, value.expose().to_vec())),
                Err(source) => Err(UnreadableSecret { name, source }),
            };
            names.into_iter().map(read).collect()
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&coracle_state::Secrets) -> T + Send + 'static,
    ) -> T {
        let secrets = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&secrets)).await;
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

impl Platform {
    /// Lists the secrets of a namespace, without their values.
    pub async fn secrets(&self, namespace: &Namespace) -> Result<Vec<Secret>, SecretError> {
        let namespace = namespace.clone();
        self.services()
            .secrets
            .blocking(move |secrets| secrets.list(&namespace))
            .await
    }

    /// Sets a secret; instances that start from now on see it.
    pub async fn set_secret(
        &self,
        namespace: &Namespace,
        name: &str,
        value: Vec<u8>,
    ) -> Result<(), SecretError> {
        let change = move |secrets: &coracle_state::Secrets, namespace: &Namespace, name: &str| {
            secrets.set(namespace, name, &value)
        };
        self.change_secret(namespace, name, change).await
    }

    /// Removes a secret; instances that run keep what they have seen.
    pub async fn remove_secret(&self, namespace: &Namespace, name: &str) -> Result<(), SecretError> {
        self.change_secret(namespace, name, coracle_state::Secrets::remove)
            .await
    }

    async fn change_secret(
        &self,
        namespace: &Namespace,
        name: &str,
        change: impl FnOnce(&coracle_state::Secrets, &Namespace, &str) -> Result<(), SecretError> + Send + 'static,
    ) -> Result<(), SecretError> {
        let (of, called) = (namespace.clone(), name.to_owned());
        let services = self.services();
        services
            .secrets
            .blocking(move |secrets| change(secrets, &of, &called))
            .await?;
        services.spares.discard_with_secret(namespace, name);
        Ok(())
    }
}
