//! A server with a Function Builder for each test, and a client of it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coracle_api::{Client, Credentials};
use coracle_content::Store;
use coracle_platform::{Bounds, PayloadKey};
use coracle_server::{BuilderSenders, BuilderSettings, Role, ServeConfig, Server, store};
use coracle_testkit::{FakeSandboxes, Program};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;

use super::body::{Producer, SECRET, archive, signature};
use super::fake::Fake;
use crate::world::{settings, start};

/// A server that builds.
pub(crate) struct Yard {
    pub(crate) server: Server,
    pub(crate) fake: Arc<Fake>,
    pub(crate) folder: TempDir,
}

/// What a client was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

/// The settings of most tests: one running build, nobody waits.
pub(crate) fn usual(fake: &Arc<Fake>) -> BuilderSettings {
    let key = PayloadKey::new("acme".parse().unwrap(), &format!("\n{SECRET}\n"));
    BuilderSettings {
        senders: BuilderSenders::Keys(vec![key.unwrap()]),
        sealing: None,
        bounds: Bounds {
            running: NonZeroUsize::new(1),
            waiting: 0,
        },
        timeout: Duration::from_mins(1),
        replay_window: None,
        contexts: {
            let fake = Arc::clone(fake);
            Arc::new(move |_| Arc::clone(&fake) as _)
        },
        logins: BTreeMap::default(),
    }
}

impl Yard {
    pub(crate) async fn usual() -> Self {
        Self::with(|_| {}).await
    }

    /// Builds have next to no time.
    pub(crate) async fn hasty() -> Self {
        Self::with(|settings| settings.timeout = Duration::from_secs(2)).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut BuilderSettings)) -> Self {
        Self::of(Role::All, change).await
    }

    pub(crate) async fn of(role: Role, change: impl FnOnce(&mut BuilderSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::new(&Store::open(&store(folder.path())).unwrap());
        let mut builder = usual(&fake);
        change(&mut builder);
        let config = ServeConfig {
            role,
            builder: Some(builder),
            ..settings()
        };
        let sandboxes = FakeSandboxes::running(Program::greeting("hi"));
        let server = start(folder.path(), config, &sandboxes).await.unwrap();
        Self { server, fake, folder }
    }

    pub(crate) fn client(&self) -> Client {
        let address = format!("http://{}", self.server.address());
        Client::new(address.parse().unwrap(), Credentials::None)
    }

    /// The configuration of an image in the server's own registry.
    pub(crate) fn config(&self) -> String {
        format!(r#"{{"image":"{}"}}"#, self.image())
    }

    pub(crate) fn image(&self) -> String {
        format!("127.0.0.1:{}/team/hello:1", self.server.address().port())
    }

    /// A request with a signed body.
    pub(crate) async fn post(&self, body: Vec<u8>, accept: &str) -> Answer {
        let signature = signature(SECRET, &body);
        self.post_signed(body, accept, Some(&signature)).await
    }

    pub(crate) async fn post_signed(&self, body: Vec<u8>, accept: &str, signature: Option<&str>) -> Answer {
        let mut request = http::Request::post("/build").header("accept", accept);
        if let Some(signature) = signature {
            request = request.header("x-build-signature", signature);
        }
        self.send(request, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(http::Request::get(path), Vec::new()).await
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: Vec<u8>) -> Answer {
        let response = self.client().raw(request, Bytes::from(body)).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Builds what `dockerfile` says, buffered.
    pub(crate) async fn build(&self, dockerfile: &str) -> Answer {
        self.post(archive(Producer::Go, &self.config(), dockerfile), "*/*")
            .await
    }

    /// Builds what `dockerfile` says, as a stream.
    pub(crate) async fn stream(&self, dockerfile: &str) -> Answer {
        let body = archive(Producer::Go, &self.config(), dockerfile);
        self.post(body, "application/x-ndjson").await
    }

    /// What the server says of itself to Prometheus.
    pub(crate) async fn metrics(&self) -> String {
        let metrics = self.server.metrics().unwrap();
        let client = Client::new(format!("http://{metrics}").parse().unwrap(), Credentials::None);
        crate::world::get(&client, "/metrics").await.1
    }

    /// Asks for the metrics until a line is among them, within the time that a test has.
    pub(crate) async fn counted(&self, line: &str) {
        let counted = async { while !self.metrics().await.lines().any(|have| have == line) {} };
        tokio::time::timeout(Duration::from_mins(1), counted)
            .await
            .unwrap();
    }

    /// Whether nothing of bodies is left.
    pub(crate) fn is_clean(&self) -> bool {
        let scratch = store(self.folder.path()).join("scratch");
        entries(&scratch).is_empty()
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The objects of a stream, each from a line that clients read.
    pub(crate) fn lines(&self) -> Vec<Value> {
        assert_eq!(self.headers["content-type"], "application/x-ndjson", "{self:?}");
        let text = self.body.strip_suffix('\n').unwrap();
        let line = |line: &str| {
            assert!(
                !line.is_empty() && line.len() < 60_000,
                "a line of {} bytes",
                line.len()
            );
            serde_json::from_str::<Value>(line).unwrap()
        };
        text.split('\n').map(line).collect()
    }

    /// The last object of a stream, which has the only final status.
    pub(crate) fn last(&self) -> Value {
        let mut lines = self.lines();
        let last = lines.pop().unwrap();
        assert!(
            lines.iter().all(|line| line["status"] == "in_progress"),
            "{lines:?}"
        );
        assert!(
            last["status"] == "success" || last["status"] == "failed",
            "{last}"
        );
        last
    }

    /// The whole log of a stream, without times.
    pub(crate) fn log(&self) -> Vec<String> {
        let lines = self.lines();
        let logs = lines.iter().filter_map(|line| line["log"].as_array());
        let text = |line: &Value| {
            let (time, text) = line.as_str().unwrap().split_once(' ').unwrap();
            assert!(time.ends_with('Z'), "{time}");
            text.to_owned()
        };
        logs.flatten().map(text).collect()
    }
}
