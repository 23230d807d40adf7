//! The typed client: one method a route, over the server's socket, TCP or TLS.
//!
//! Each call opens a connection and drives it itself: a command makes a few calls, so a pool and its background task
//! would buy nothing.

mod connection;
mod credentials;
mod endpoint;
mod error;
mod lines;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use coracle_spec::{FunctionId, Namespace, RegistryName, ScaleChange};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited, combinators::UnsyncBoxBody};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::routes;
use crate::types::{
    BuildQuery, ContextBuildEvent, DeployRequest, Deployed, FunctionDetail, FunctionSummary, LogQuery,
    ProblemBody, RegistryLogin, RegistryView, Rescaled, RevisionView, RollbackRequest, SecretView,
    ServerInfo,
};

pub use connection::Body;
pub use credentials::Credentials;
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use error::ClientError;
pub use lines::{BuildEvents, ContextBuildEvents, JsonLines, LogLines};
pub use tls::{Trust, TrustError};

/// A request's body: bytes, or a stream of them.
pub type RequestBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// How long a call that asks for little may take.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a deploy, or the upload of a source, may take: the server's own bounds are shorter.
const LONG: Duration = Duration::from_mins(30);
/// The largest JSON answer that is read.
const LARGEST_ANSWER: usize = 64 << 20;

/// A client of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
    credentials: Credentials,
    trust: Trust,
}

impl Client {
    /// Makes a client; nothing is sent yet.
    pub fn new(endpoint: Endpoint, credentials: Credentials) -> Self {
        Self {
            endpoint,
            credentials,
            trust: Trust::built_in(),
        }
    }

    /// Trusts other certificate authorities than those that are built in.
    #[must_use]
    pub fn trusting(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Answers where the calls go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Answers who the calls are from.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Asks the server about itself; also the way to check credentials.
    pub async fn server(&self) -> Result<ServerInfo, ClientError> {
        self.get(routes::SERVER.path).await
    }

    /// Lists the functions of `namespace`, or of all.
    pub async fn functions(
        &self,
        namespace: Option<&Namespace>,
    ) -> Result<Vec<FunctionSummary>, ClientError> {
        let query = namespace.map_or_else(String::new, |namespace| format!("?namespace={namespace}"));
        self.get(&format!("{}{query}", routes::FUNCTIONS.path)).await
    }

    /// Describes a function.
    pub async fn function(&self, id: &FunctionId) -> Result<FunctionDetail, ClientError> {
        self.get(&routes::function(id)).await
    }

    /// Removes a function with its instances, its revisions and its log.
    pub async fn remove_function(&self, id: &FunctionId) -> Result<(), ClientError> {
        self.no_content(Method::DELETE, &routes::function(id), Bytes::new())
            .await
    }

    /// Lists a function's revisions, newest first.
    pub async fn revisions(&self, id: &FunctionId) -> Result<Vec<RevisionView>, ClientError> {
        self.get(&routes::revisions(id)).await
    }

    /// Deploys: answers once the new revision serves, or why it does not.
    pub async fn deploy(&self, id: &FunctionId, deploy: &DeployRequest) -> Result<Deployed, ClientError> {
        self.change(Request::post(routes::revisions(id)), deploy).await
    }

    /// Leads a function back to revision `to`, or to the last earlier one that was ready: answers once that serves.
    pub async fn roll_back(&self, id: &FunctionId, to: Option<u64>) -> Result<Deployed, ClientError> {
        self.change(Request::post(routes::rollback(id)), &RollbackRequest { to })
            .await
    }

    /// Changes how many instances a function has, until its next deploy.
    pub async fn rescale(&self, id: &FunctionId, change: &ScaleChange) -> Result<Rescaled, ClientError> {
        self.change(Request::patch(routes::scale(id)), change).await
    }

    /// Reads the log's last lines, and those that follow when `query` says so.
    pub async fn logs(&self, id: &FunctionId, query: &LogQuery) -> Result<LogLines, ClientError> {
        let path = format!("{}?tail={}&follow={}", routes::logs(id), query.tail, query.follow);
        let response = within(ANSWER, self.send(Request::get(path), bytes_body(Bytes::new()))).await?;
        Ok(LogLines::new(response.into_body()))
    }

    /// Builds the image of a source folder on the server. `archive` is a tar of the folder of `size` bytes, plain or
    /// compressed by gzip or zstd, with the manifest as `coracle.yaml`.
    pub async fn build(
        &self,
        query: &BuildQuery,
        size: u64,
        archive: RequestBody,
    ) -> Result<BuildEvents, ClientError> {
        let path = format!(
            "{}?folder={}&locked={}",
            routes::BUILD.path,
            query.folder,
            query.locked
        );
        let request = Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/x-tar")
            .header(http::header::CONTENT_LENGTH, size);
        let response = within(LONG, self.send(request, archive)).await?;
        Ok(BuildEvents::new(response.into_body()))
    }

    /// Builds a context by the Function Builder API. `archive` is a tar of `size` bytes with the context and what should
    /// become of it, signed as `signature` says.
    pub async fn build_context(
        &self,
        signature: &str,
        size: u64,
        archive: RequestBody,
    ) -> Result<ContextBuildEvents, ClientError> {
        let request = Request::post("/build")
            .header(http::header::ACCEPT, "application/x-ndjson")
            .header(http::header::CONTENT_LENGTH, size)
            .header("x-build-signature", signature);
        let response = within(LONG, self.exchange(request, archive)).await?;
        if response.status().is_success() {
            Ok(ContextBuildEvents::new(response.into_body()))
        } else {
            Err(refused(response).await)
        }
    }

    /// Lists the secrets of `namespace`, without their values.
    pub async fn secrets(&self, namespace: &Namespace) -> Result<Vec<SecretView>, ClientError> {
        self.get(&routes::secrets(namespace)).await
    }

    /// Sets a secret; functions that use it see the new value in new instances.
    pub async fn set_secret(
        &self,
        namespace: &Namespace,
        name: &str,
        value: Vec<u8>,
    ) -> Result<(), ClientError> {
        self.no_content(Method::PUT, &routes::secret(namespace, name), value.into())
            .await
    }

    /// Removes a secret.
    pub async fn remove_secret(&self, namespace: &Namespace, name: &str) -> Result<(), ClientError> {
        self.no_content(Method::DELETE, &routes::secret(namespace, name), Bytes::new())
            .await
    }

    /// Lists the server's credentials for image registries, without their passwords.
    pub async fn registries(&self) -> Result<Vec<RegistryView>, ClientError> {
        self.get(routes::REGISTRIES.path).await
    }

    /// Stores a credential for an image registry on the server; the next pull of whoever names it uses it.
    pub async fn set_registry(&self, name: &RegistryName, login: &RegistryLogin) -> Result<(), ClientError> {
        let body = serde_json::to_vec(login).map_err(ClientError::Encode)?;
        let request =
            Request::put(routes::registry(name)).header(http::header::CONTENT_TYPE, "application/json");
        within(ANSWER, self.send(request, bytes_body(body.into())))
            .await
            .map(drop)
    }

    /// Removes a credential that no function uses.
    pub async fn remove_registry(&self, name: &RegistryName) -> Result<(), ClientError> {
        self.no_content(Method::DELETE, &routes::registry(name), Bytes::new())
            .await
    }

    /// Sends a request to any path of the server, such as a function's, and answers whatever comes back.
    pub async fn raw(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Response<Body>, ClientError> {
        self.exchange(request, bytes_body(body)).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        json(within(ANSWER, self.send(Request::get(path), bytes_body(Bytes::new()))).await?).await
    }

    /// Sends a change, which may wait for others of the same function.
    async fn change<T: DeserializeOwned>(
        &self,
        request: http::request::Builder,
        change: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(change).map_err(ClientError::Encode)?;
        let request = request.header(http::header::CONTENT_TYPE, "application/json");
        json(within(LONG, self.send(request, bytes_body(body.into()))).await?).await
    }

    async fn no_content(&self, method: Method, path: &str, body: Bytes) -> Result<(), ClientError> {
        let request = Request::builder().method(method).uri(path);
        within(ANSWER, self.send(request, bytes_body(body)))
            .await
            .map(drop)
    }

    /// Sends a request and turns an answer that is an error into one.
    async fn send(
        &self,
        request: http::request::Builder,
        body: RequestBody,
    ) -> Result<Response<Body>, ClientError> {
        let response = self.exchange(request, body).await?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(problem(response).await)
        }
    }

    async fn exchange(
        &self,
        request: http::request::Builder,
        body: RequestBody,
    ) -> Result<Response<Body>, ClientError> {
        let request = self
            .credentials
            .sign(self.endpoint.address(request))
            .body(body)
            .map_err(ClientError::Request)?;
        connection::exchange(&self.endpoint, &self.trust, request).await
    }
}

/// Makes a request's body of bytes.
pub fn bytes_body(bytes: Bytes) -> RequestBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

async fn json<T: DeserializeOwned>(response: Response<Body>) -> Result<T, ClientError> {
    let body = within(ANSWER, collect(response.into_body())).await?;
    serde_json::from_slice(&body).map_err(ClientError::Decode)
}

/// Reads an error; the server names the request in a header, whoever made the body.
async fn problem(response: Response<Body>) -> ClientError {
    let status = response.status().as_u16();
    let named = response
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    let Ok(body) = within(ANSWER, collect(response.into_body())).await else {
        return ClientError::Status { status };
    };
    let Ok(ProblemBody { mut error }) = serde_json::from_slice(&body) else {
        return ClientError::Status { status };
    };
    if error.request_id.is_empty() {
        error.request_id = named.unwrap_or_default();
    }
    ClientError::Problem(Box::new(error))
}

/// Reads why a build was refused: an object like those of a build, or a text when the server is busy.
async fn refused(response: Response<Body>) -> ClientError {
    let status = response.status();
    let body = within(ANSWER, collect(response.into_body()))
        .await
        .unwrap_or_default();
    let said = match status {
        StatusCode::TOO_MANY_REQUESTS => Some(String::from_utf8_lossy(&body).trim().to_owned()),
        _ => serde_json::from_slice(&body)
            .ok()
            .and_then(|event: ContextBuildEvent| event.error),
    };
    let status = status.as_u16();
    match said.filter(|text| !text.is_empty()) {
        Some(error) => ClientError::Refused { status, error },
        None => ClientError::Status { status },
    }
}

async fn collect(body: Body) -> Result<Bytes, ClientError> {
    let collected = Limited::new(body, LARGEST_ANSWER)
        .collect()
        .await
        .map_err(ClientError::Answer)?;
    Ok(collected.to_bytes())
}

async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    tokio::time::timeout(deadline, call)
        .await
        .map_err(|_| ClientError::Deadline(deadline))?
}
