//! A Docker Engine: the way to the BuildKit in it, and to the images that it keeps (Docker Engine API 1.41).

use bytes::Bytes;
use coracle_spec::{Class, Failure};
use coracle_tasks::Tasks;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::dial::{CONNECT, DialError, Stream, dial};
use crate::place::Place;

/// The most of an error's text that is read, in bytes.
const MOST_TEXT: usize = 16 << 10;

/// A Docker Engine.
#[derive(Clone)]
pub(crate) struct Engine {
    place: Place,
    tasks: Tasks,
}

/// Why a Docker Engine does not give an image away.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It cannot be reached.
    #[error("cannot reach the Docker Engine")]
    Dial(#[from] DialError),
    /// The conversation broke.
    #[error("the Docker Engine broke off")]
    Http(#[from] hyper::Error),
    /// It refuses.
    #[error("the Docker Engine answers {status} to `{request}`: {text}")]
    Refused {
        /// What was asked for.
        request: String,
        /// What it answered.
        status: StatusCode,
        /// What it says.
        text: String,
    },
}

impl Failure for EngineError {
    fn class(&self) -> Class {
        match self {
            Self::Dial(error) => error.class(),
            Self::Http(_) | Self::Refused { .. } => Class::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Dial(error) => error.hint(),
            Self::Http(_) | Self::Refused { .. } => None,
        }
    }
}

impl Engine {
    pub(crate) fn new(place: Place, tasks: Tasks) -> Self {
        Self { place, tasks }
    }

    /// Makes a connection of its HTTP server one to what is behind `path`.
    pub(crate) async fn upgrade(
        &self,
        path: &'static str,
        headers: &[(&str, &str)],
    ) -> Result<Stream, DialError> {
        let failed = |answer: String| DialError::Upgrade {
            address: self.place.address.clone(),
            path,
            answer,
        };
        let upgrading = self.upgraded(path, headers);
        match timeout(CONNECT, upgrading).await {
            Ok(Ok(Ok(stream))) => Ok(stream),
            Ok(Ok(Err(status))) => Err(failed(status.to_string())),
            Ok(Err(EngineError::Dial(error))) => Err(error),
            Ok(Err(error)) => Err(failed(format!("nothing ({error})"))),
            Err(_) => Err(DialError::Silent {
                address: self.place.address.clone(),
            }),
        }
    }

    async fn upgraded(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Result<Stream, StatusCode>, EngineError> {
        let mut request = request(Method::POST, path);
        let own = [("connection", "Upgrade"), ("upgrade", "h2c")];
        for (name, value) in headers.iter().chain(&own) {
            if let (Ok(name), Ok(value)) = (
                header::HeaderName::from_bytes(name.as_bytes()),
                header::HeaderValue::from_str(value),
            ) {
                request.headers_mut().append(name, value);
            }
        }
        let response = self.send(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Err(response.status()));
        }
        let upgraded = hyper::upgrade::on(response).await?;
        Ok(Ok(Box::new(TokioIo::new(upgraded))))
    }

    /// Answers the image called `name` as the archive that `docker save` writes.
    pub(crate) async fn save(&self, name: &str) -> Result<Incoming, EngineError> {
        self.call(Method::GET, &format!("/images/{name}/get")).await
    }

    /// Takes the name `name` off an image, and removes it if nothing else needs it.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), EngineError> {
        self.call(Method::DELETE, &format!("/images/{name}"))
            .await
            .map(drop)
    }

    async fn call(&self, method: Method, path: &str) -> Result<Incoming, EngineError> {
        let name = format!("{method} {path}");
        let response = self.send(request(method, path)).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.into_body());
        }
        Err(EngineError::Refused {
            request: name,
            status,
            text: text(response.into_body()).await,
        })
    }

    async fn send(&self, request: Request<Empty<Bytes>>) -> Result<http::Response<Incoming>, EngineError> {
        let stream = dial(&self.place).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        self.tasks.spawn("connection to a Docker Engine", async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "the connection to the Docker Engine broke");
            }
        });
        Ok(sender.send_request(request).await?)
    }
}

fn request(method: Method, path: &str) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_default();
    request
        .headers_mut()
        .insert(header::HOST, header::HeaderValue::from_static("docker"));
    request
}

/// Answers what an error says: the engine puts it into `message`.
async fn text(body: Incoming) -> String {
    let bytes = match Limited::new(body, MOST_TEXT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return "more than is read".to_owned(),
    };
    let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&bytes);
    let message = parsed
        .ok()
        .and_then(|value| Some(value["message"].as_str()?.to_owned()));
    message.unwrap_or_else(|| String::from_utf8_lossy(&bytes).trim().to_owned())
}
