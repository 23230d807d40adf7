//! A Docker Engine that an image is loaded into (Docker Engine API, `POST /images/load` and `POST /images/NAME/tag`).
//!
//! A crate for the whole API lost: two requests of it are wanted.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use coracle_spec::{Class, Failure, ImageRef};
use http::header;
use reqwest::{Client, Response, Url};
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use crate::error::{Broken, SettingsError};
use crate::tls;

/// How much of an answer is read, in bytes.
const LARGEST: usize = 1 << 20;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the engine may take to load an image: it unpacks all of it.
const LOAD: Duration = Duration::from_mins(30);

/// How long it may take to give an image another name.
const TAG: Duration = Duration::from_secs(30);

/// Where a Docker Engine listens: `unix://PATH` or `tcp://HOST:PORT`, as `DOCKER_HOST` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// A socket.
    Unix(PathBuf),
    /// Plain HTTP.
    Tcp(String),
}

/// A text names no Docker Engine that can be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no Docker Engine: expected `unix://PATH` or `tcp://HOST:PORT`")]
pub struct InvalidEngine(String);

/// Why an engine did not take an image.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It cannot be reached.
    #[error("cannot reach the Docker Engine at `{engine}`")]
    Unreachable {
        /// The engine.
        engine: Engine,
        /// Why not.
        source: Broken,
    },
    /// Nothing can be sent with these settings.
    #[error("cannot set the connection to the Docker Engine up")]
    Settings(#[from] SettingsError),
    /// It refuses the image.
    #[error("the Docker Engine refuses the image: {0}")]
    Refused(String),
}

impl Failure for EngineError {
    fn class(&self) -> Class {
        match self {
            Self::Unreachable { .. } => Class::Unavailable,
            Self::Settings(source) => source.class(),
            Self::Refused(_) => Class::User,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => Some("start it, or say where it is with `DOCKER_HOST`".to_owned()),
            Self::Settings(_) | Self::Refused(_) => None,
        }
    }
}

/// What it says while it loads, a line each.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    error: String,
    message: String,
}

impl Engine {
    /// Answers where an engine listens when nothing says otherwise.
    pub fn usual() -> Self {
        Self::Unix(PathBuf::from("/var/run/docker.sock"))
    }

    /// Loads an archive, which holds images with their names.
    pub async fn load(&self, archive: &Path) -> Result<(), EngineError> {
        let file = tokio::fs::File::open(archive)
            .await
            .map_err(|source| self.unreachable(Broken::Source(source)))?;
        let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, 256 << 10));
        let request = self
            .client()?
            .post(self.url("/images/load?quiet=1"))
            .header(header::CONTENT_TYPE, "application/x-tar")
            .timeout(LOAD)
            .body(body);
        self.send(request).await
    }

    /// Gives an image of the engine another name.
    pub async fn tag(&self, image: &ImageRef, other: &ImageRef) -> Result<(), EngineError> {
        let repository = other.familiar_name();
        let tag = other.tag_or_latest();
        let repository = repository.strip_suffix(&format!(":{tag}")).unwrap_or(&repository);
        let request = self
            .client()?
            .post(self.url(&format!("/images/{}/tag", image.familiar_name())))
            .query(&[("repo", repository), ("tag", tag)])
            .header(header::CONTENT_LENGTH, 0)
            .timeout(TAG);
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(), EngineError> {
        let failed = |error| self.unreachable(Broken::http(error));
        let mut response = request.send().await.map_err(failed)?;
        let said = said(&mut response).await.map_err(failed)?;
        let lines = said
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let complaint = lines.map(|line| {
            if line.error.is_empty() {
                line.message
            } else {
                line.error
            }
        });
        let complaint = { complaint }.rfind(|complaint| !complaint.is_empty());
        match complaint {
            Some(complaint) => Err(EngineError::Refused(complaint)),
            None if response.status().is_success() => Ok(()),
            None => Err(EngineError::Refused(format!(
                "status {}",
                response.status().as_u16()
            ))),
        }
    }

    fn client(&self) -> Result<Client, EngineError> {
        let builder = Client::builder().no_proxy().connect_timeout(CONNECT);
        let builder = match self {
            Self::Unix(path) => builder.unix_socket(path.clone()),
            Self::Tcp(_) => builder,
        };
        // Nothing is said over TLS; a provider has to be there all the same.
        let tls = tls::none()?;
        builder
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| self.unreachable(Broken::http(error)))
    }

    fn url(&self, path: &str) -> String {
        match self {
            Self::Unix(_) => format!("http://docker{path}"),
            Self::Tcp(authority) => format!("http://{authority}{path}"),
        }
    }

    fn unreachable(&self, source: Broken) -> EngineError {
        EngineError::Unreachable {
            engine: self.clone(),
            source,
        }
    }
}

async fn said(response: &mut Response) -> Result<String, reqwest::Error> {
    let mut said = Vec::new();
    while let Some(piece) = response.chunk().await? {
        let room = LARGEST.saturating_sub(said.len());
        said.extend_from_slice(&piece[..piece.len().min(room)]);
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

impl FromStr for Engine {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, InvalidEngine> {
        let invalid = || InvalidEngine(coracle_fetch::SafeUrl::of(text).to_string());
        match text.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp" | "http", authority)) => {
                let authority = authority.trim_end_matches('/');
                let url = Url::parse(&format!("http://{authority}")).ok();
                let plain = url.filter(|url| url.path() == "/" && url.username().is_empty());
                plain.map(|_| Self::Tcp(authority.to_owned())).ok_or_else(invalid)
            }
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_sockets_and_plain_addresses_and_nothing_else() {
        for (text, expected) in [
            (
                "unix:///run/docker.sock",
                Some(Engine::Unix("/run/docker.sock".into())),
            ),
            (
                "tcp://127.0.0.1:2375",
                Some(Engine::Tcp("127.0.0.1:2375".to_owned())),
            ),
            ("ssh://me@host", None),
            ("unix://relative", None),
            ("tcp://", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }
}
