//! Credentials for image registries: set and removed here, read when an image is pulled.
//!
//! They are read anew for each pull, so that a new password counts from the next one on.

use coracle_spec::RegistryName;
use coracle_state::{Login, Registry, StateError};

use crate::platform::Platform;

impl Platform {
    /// Lists the stored credentials, without their passwords.
    pub async fn registries(&self) -> Result<Vec<Registry>, StateError> {
        self.records().state().registries().await
    }

    /// Stores a credential, in place of what has its name.
    pub async fn set_registry(&self, name: &RegistryName, login: Login) -> Result<(), StateError> {
        self.records().state().set_login(name, login).await
    }

    /// Removes a credential. Fails when a revision that can serve names it.
    pub async fn remove_registry(&self, name: &RegistryName) -> Result<(), StateError> {
        self.records().state().remove_login(name).await
    }
}
