//! Pushing what was built here into the server's registry: at the address of its API, as whoever we are there.
//!
//! `docs/decisions/011-images-travel-through-the-registry.md` says why there, and what is not sent.

use std::sync::Arc;

use coracle_api::{Client, Credentials, Endpoint, routes};
use coracle_content::Store;
use coracle_distribution::{
    Anonymous, Credential, Layers, One, Outcome, Progress, Server, Settings, Transfer,
};
use coracle_fetch::Proxies;
use coracle_spec::{Digest, FunctionId, ImageRef};

use crate::context::Context;
use crate::error::Error;
use crate::registries;
use crate::transfers::Transfers;

/// The user that a token stands for.
const ADMIN: &str = "admin";

/// Pushes an image of a store into the repository of a function, as it is.
pub(super) async fn push(
    (image, store): (Digest, &Store),
    function: &FunctionId,
    client: &Client,
    context: &Context,
) -> Result<(), Error> {
    let (host, server) = place(client.endpoint());
    let name: ImageRef = format!("{host}/{}@{image}", routes::repository(function)).parse()?;
    let settings = settings((&host, server), client.credentials(), context);
    let client = coracle_distribution::Client::new(store.clone(), settings).pushing(Layers::Kept);
    registries::work(context, "pushing", async |transfers, cancel| {
        client.push(image, &name, &Sent(transfers), cancel).await
    })
    .await?;
    Ok(())
}

/// Answers the host that names of the server's images begin with, and how it is reached. The port is always named: a host
/// without one could be read as a part of a repository.
fn place(endpoint: &Endpoint) -> (String, Server) {
    match endpoint {
        Endpoint::Unix(path) => ("localhost".to_owned(), Server::Socket(path.clone())),
        Endpoint::Http { host, port } => (format!("{host}:{port}"), Server::Plain),
        Endpoint::Https { host, port } => (format!("{host}:{port}"), Server::Tls),
    }
}

/// Answers the settings of other registries, as far as they hold for a server: calls of its API go through no proxy.
fn settings((host, server): (&str, Server), who: &Credentials, context: &Context) -> Settings {
    let registries = &context.settings.registries;
    Settings {
        server: Some(server),
        credentials: match who {
            Credentials::None => Arc::new(Anonymous),
            Credentials::Basic { user, password } => {
                Arc::new(One::at(host, Credential::basic(user, password)))
            }
            Credentials::Bearer(token) => Arc::new(One::at(host, Credential::basic(ADMIN, token))),
        },
        proxies: Proxies::default(),
        ..registries.client(&context.settings.outside)
    }
}

/// Shows what is sent. Nobody needs to know what the server has.
struct Sent<'a>(&'a Transfers);

impl Progress for Sent<'_> {
    fn advanced(&self, transfer: &Transfer, bytes: u64) {
        self.0.advanced(transfer, bytes);
    }

    fn ended(&self, transfer: &Transfer, outcome: Outcome) {
        if outcome == Outcome::Moved {
            self.0.ended(transfer, outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_by_a_host_that_is_never_part_of_a_repository() {
        for (endpoint, name) in [
            ("unix:/run/c.sock", "localhost/functions/default/hello"),
            ("http://boats", "boats:80/functions/default/hello"),
            ("http://[::1]:8080", "[::1]:8080/functions/default/hello"),
            (
                "https://boats.example",
                "boats.example:443/functions/default/hello",
            ),
        ] {
            let (host, _) = place(&endpoint.parse().unwrap());
            let repository = routes::repository(&"hello".parse().unwrap());
            let image: ImageRef = format!("{host}/{repository}").parse().unwrap();
            assert_eq!(image.registry(), host);
            assert_eq!(image.repository(), repository);
            assert_eq!(image.to_string(), name);
        }
    }
}
