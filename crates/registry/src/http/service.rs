//! The service: a request, who sends it, and the answer.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderName;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;

use super::body::Body;
use super::fault::Fault;
use super::incoming::Incoming;
use super::push::Head;
use super::route::{NoRoute, Route};
use super::{answer, listing, manifests, pull, push};
use crate::error::RegistryError;
use crate::names::InvalidName;
use crate::registry::Registry;

/// Which API this is, for clients that ask.
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// What the sender of a request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Full,
    /// Pull whatever they can name, but for what functions are made of.
    Pull,
}

/// How much is sent and received at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfers {
    /// Requests that send a blob or a manifest.
    pub pushes: usize,
    /// Blobs on their way out.
    pub pulls: usize,
}

impl Default for Transfers {
    fn default() -> Self {
        Self {
            pushes: 64,
            pulls: 256,
        }
    }
}

/// Answers the distribution API. Cloning it is cheap, and clones share the bounds.
#[derive(Debug, Clone)]
pub struct Service {
    registry: Registry,
    pub(super) pushes: Arc<Semaphore>,
    pub(super) pulls: Arc<Semaphore>,
}

impl Service {
    /// Makes the API of a registry.
    pub fn new(registry: Registry, transfers: Transfers) -> Self {
        Self {
            registry,
            pushes: Arc::new(Semaphore::new(transfers.pushes)),
            pulls: Arc::new(Semaphore::new(transfers.pulls)),
        }
    }

    /// Answers the registry itself.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Answers a request for a path that begins with `/v2`, from somebody with this access. What goes wrong is an
    /// answer too.
    pub async fn handle<B>(&self, request: Request<B>, access: Access) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let (parts, body) = request.into_parts();
        let mut body = Incoming::new(body);
        let mut response = match self.answer((&parts, access), &mut body).await {
            Ok(response) => response,
            Err(fault) => fault.answer(),
        };
        body.drain().await;
        answer::set(&mut response, API_VERSION, "registry/2.0");
        response
    }

    async fn answer<B>(
        &self,
        (parts, access): (&Parts, Access),
        body: &mut Incoming<B>,
    ) -> Result<Response<Body>, Fault>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let route = allowed(parts, access)?;
        let head = Head {
            uri: &parts.uri,
            headers: &parts.headers,
        };
        let asked = (&parts.method, &parts.headers);
        match (route, &parts.method) {
            (Route::Base, _) => Ok(answer::json("application/json", &serde_json::json!({}))),
            (Route::Catalog, _) => listing::catalog(self, head.uri).await,
            (Route::Tags(repository), _) => listing::tags(self, repository, head.uri).await,
            (Route::Referrers(repository, digest), _) => {
                listing::referrers(self, (repository, digest), head.uri).await
            }
            (Route::Manifest(repository, reference), &Method::PUT) => {
                manifests::put(self, (repository, reference), head.headers, body).await
            }
            (Route::Manifest(repository, reference), &Method::DELETE) => {
                manifests::remove(self, (repository, reference)).await
            }
            (Route::Manifest(repository, reference), _) => {
                manifests::get(self, asked, (repository, reference)).await
            }
            (Route::Blob(repository, digest), &Method::DELETE) => {
                let registry = self.registry.clone();
                blocking(move || registry.remove_blob(&repository, &digest)).await?;
                Ok(answer::status(StatusCode::ACCEPTED))
            }
            (Route::Blob(repository, digest), _) => pull::blob(self, asked, (repository, digest)).await,
            (Route::Uploads(repository), _) => push::begin(self, repository, head, body).await,
            (Route::Upload(name), &Method::PATCH) => push::append_chunk(self, name, head, body).await,
            (Route::Upload(name), &Method::PUT) => push::complete(self, name, head, body).await,
            (Route::Upload(name), &Method::DELETE) => push::cancel(self, name).await,
            (Route::Upload(name), _) => push::status(self, name).await,
        }
    }
}

/// Answers what a request is about, if who asks may ask that.
fn allowed(parts: &Parts, access: Access) -> Result<Route, Fault> {
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let route = match Route::of(parts.uri.path()) {
        // Whoever asks learns that it is not there, whatever else it could not be.
        Err(NoRoute::Name(InvalidName::Tag(_))) if reads => return Err(Fault::NoTag),
        route => route?,
    };
    if !route.methods().contains(&parts.method) {
        return Err(Fault::Method(route.methods()));
    }
    if access == Access::Pull && !(reads && route.is_public()) {
        return Err(Fault::Denied);
    }
    Ok(route)
}

/// Does work that waits for the disk, where that holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, RegistryError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
