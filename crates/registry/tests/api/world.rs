//! A registry of its own for each test.

use std::path::Path;

use bytes::Bytes;
use coracle_content::{Extent, Limits as Cached, Roots, RootsError, Store};
use coracle_registry::{Access, Limits, Registry, Service, Transfers, held};
use coracle_spec::Digest;
use http::header::{HeaderMap, LOCATION};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tempfile::TempDir;

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) folder: TempDir,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a collection keeps.
pub(crate) struct Kept<'a>(pub(crate) &'a Path);

impl Roots for Kept<'_> {
    fn images(&self) -> Result<Vec<Digest>, RootsError> {
        Ok(held(self.0)?)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = service(folder.path(), limits);
        Self { service, folder }
    }

    /// Another process on the same data.
    pub(crate) fn again(&self) -> Service {
        service(self.folder.path(), Limits::default())
    }

    pub(crate) fn registry(&self) -> &Registry {
        self.service.registry()
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.folder.path().join("store")).unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Bytes::new()).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.send(Request::head(path), Bytes::new()).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.send(Request::post(path), Bytes::new()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path), Bytes::new()).await
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
        send(&self.service, request, body).await
    }

    /// Pushes a blob in one request.
    pub(crate) async fn push(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self.send(Request::post(&path), bytes.to_vec()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        digest
    }

    pub(crate) async fn push_manifest(&self, (repository, reference): (&str, &str), text: &str) -> Answer {
        let media_type = if text.contains("\"manifests\"") {
            INDEX
        } else {
            IMAGE
        };
        let path = format!("/v2/{repository}/manifests/{reference}");
        let request = Request::put(&path).header("content-type", media_type);
        self.send(request, text.to_owned()).await
    }

    /// Pushes an image of one layer; answers its manifest.
    pub(crate) async fn push_image(&self, repository: &str, tag: &str, layer: &str) -> Digest {
        let text = self.push_parts(repository, layer).await;
        let answer = self.push_manifest((repository, tag), &text).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Digest::of(&text)
    }

    /// Pushes what an image of one layer is made of; answers the text of its manifest.
    pub(crate) async fn push_parts(&self, repository: &str, layer: &str) -> String {
        let config = self
            .push(repository, format!("{{\"of\":\"{layer}\"}}").as_bytes())
            .await;
        let layer = self.push(repository, layer.as_bytes()).await;
        manifest(&config, &layer)
    }

    /// Removes whatever nothing keeps; answers how much that was.
    pub(crate) fn collect(&self) -> u64 {
        let nothing = Cached {
            bytes: Some(0),
            unused: None,
        };
        let kept = Kept(self.folder.path());
        self.store()
            .collect(&kept, &nothing, Extent::Whole)
            .unwrap()
            .items
    }
}

impl Answer {
    pub(crate) fn code(&self) -> String {
        let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        value["errors"][0]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> String {
        self.headers[LOCATION].to_str().unwrap().to_owned()
    }
}

pub(crate) fn manifest(config: &Digest, layer: &Digest) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":1}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":1}}]}}"#
    )
}

pub(crate) async fn send(
    service: &Service,
    request: http::request::Builder,
    body: impl Into<Bytes>,
) -> Answer {
    let body: Bytes = body.into();
    let request = request
        .header("content-length", body.len())
        .body(Full::new(body))
        .unwrap();
    let answer = service.handle(request, Access::Full).await;
    let (parts, body) = answer.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

fn service(folder: &Path, limits: Limits) -> Service {
    let store = Store::open(&folder.join("store")).unwrap();
    let registry = Registry::open(folder, store, limits).unwrap();
    Service::new(registry, Transfers::default())
}

/// Makes a file look as if it was last of use `hours` ago.
pub(crate) fn age(path: &Path, hours: u64) {
    let time = std::time::SystemTime::now() - std::time::Duration::from_hours(hours);
    let file = fs_err::OpenOptions::new().append(true).open(path).unwrap();
    file.file().set_modified(time).unwrap();
}
