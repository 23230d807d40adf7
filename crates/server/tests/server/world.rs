//! A server of its own for each test.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coracle_api::types::DeployRequest;
use coracle_api::{Client, Credentials, Endpoint};
use coracle_content::Store;
use coracle_oci::{ImageConfig, assemble};
use coracle_sandbox::Sandboxes;
use coracle_server::{DataDirectory, Listen, ServeConfig, ServeError, Server, serve, store};
use coracle_spec::{Deployable, Digest, FunctionId, RevisionConfig};
use coracle_testkit::{FakeSandboxes, Program};
use http_body_util::BodyExt as _;
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) sandboxes: FakeSandboxes,
    pub(crate) image: Digest,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn running(program: Program) -> Self {
        Self::with(program, settings()).await
    }

    pub(crate) async fn with(program: Program, config: ServeConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = image(&Store::open(&store(folder.path())).unwrap());
        let sandboxes = FakeSandboxes::running(program);
        let server = start(folder.path(), config, &sandboxes).await.unwrap();
        Self {
            server,
            sandboxes,
            image,
            folder,
        }
    }

    /// A client on the server's own socket.
    pub(crate) fn local(&self) -> Client {
        Client::new(Endpoint::Unix(self.server.socket().to_owned()), Credentials::None)
    }

    pub(crate) fn remote(&self, credentials: Credentials) -> Client {
        Client::new(
            format!("http://{}", self.server.address()).parse().unwrap(),
            credentials,
        )
    }

    /// Answers a client for each way to be the administrator.
    pub(crate) fn administrators(&self) -> [Client; 3] {
        let password = self.password();
        [
            self.local(),
            self.remote(Credentials::admin(&password)),
            self.remote(Credentials::Bearer(password)),
        ]
    }

    pub(crate) fn password(&self) -> String {
        let text = fs_err::read_to_string(self.server.secrets().password_file()).unwrap();
        text.trim().to_owned()
    }

    pub(crate) fn request(&self) -> DeployRequest {
        DeployRequest {
            image: Deployable::Stored(self.image),
            reference: Some("hello:latest".to_owned()),
            config: RevisionConfig::default(),
        }
    }
}

pub(crate) async fn start(
    data: &Path,
    config: ServeConfig,
    sandboxes: &FakeSandboxes,
) -> Result<Server, ServeError> {
    let sandboxes: Arc<dyn Sandboxes> = Arc::new(sandboxes.clone());
    serve(DataDirectory::take(data).unwrap(), config, sandboxes).await
}

pub(crate) fn settings() -> ServeConfig {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    ServeConfig {
        listen: Listen::At(anywhere),
        metrics: Some(anywhere),
        version: "1.2.3".to_owned(),
        shutdown_grace: Duration::from_secs(5),
        ..ServeConfig::default()
    }
}

pub(crate) fn image(store: &Store) -> Digest {
    let config = ImageConfig {
        cmd: vec!["/serve".to_owned()],
        ..ImageConfig::default()
    };
    assemble(store, &config, &[]).unwrap().manifest
}

pub(crate) fn hello() -> FunctionId {
    "hello".parse().unwrap()
}

pub(crate) async fn get(client: &Client, path: &str) -> (u16, String) {
    let response = client.raw(http::Request::get(path), Bytes::new()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}
