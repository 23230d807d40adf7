//! Logins that the server keeps, for functions whose manifests name them.

use coracle_api::Client;
use coracle_api::types::{RegistryLogin, RegistryView};
use coracle_distribution::Secret;
use coracle_spec::{Class, Failure as _, RegistryHost, RegistryName};

use crate::args::Remote;
use crate::context::Context;
use crate::error::Error;

/// Stores a login on the server.
pub(super) async fn store(
    client: &Client,
    name: &RegistryName,
    (host, username): (RegistryHost, String),
    password: &Secret,
) -> Result<(), Error> {
    let login = RegistryLogin {
        host,
        username,
        password: password.expose().to_owned(),
    };
    Ok(client.set_registry(name, &login).await?)
}

/// Lists the server's logins. Without a server there are none, unless one was named.
pub(super) async fn list(remote: &Remote, context: &Context) -> Result<Vec<RegistryView>, Error> {
    match context.client(remote)?.registries().await {
        Err(error) if error.class() == Class::Unavailable && remote.server.is_none() => {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "no server tells its logins"
            );
            Ok(Vec::new())
        }
        listed => Ok(listed?),
    }
}
