//! Kills a process with signal 9 at many points of its pushes, and checks that everything visible is whole, that what
//! was answered for is there, and that a collection takes none of it.
//!
//! The process writes a line before each request, with the image that it was answered for last; the check kills it
//! after a number of them, a larger one each time.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use coracle_content::{Extent, Limits as Cached, Roots, RootsError, Store};
use coracle_registry::{Access, Limits, Reference, Registry, Repository, Service, Transfers, held};
use coracle_spec::Digest;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};

const POINTS: usize = 30;

/// What a collection keeps.
struct Kept<'a>(&'a Path);

impl Roots for Kept<'_> {
    fn images(&self) -> Result<Vec<Digest>, RootsError> {
        Ok(held(self.0)?)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.as_slice() {
        [_, role, data] if role == "push" => work(Path::new(data)),
        _ => check(),
    }
}

fn check() {
    let base = tempfile::tempdir().unwrap();
    let mut promised = 0;
    for point in 0..POINTS {
        let told = kill_after(base.path(), point);
        let registry = registry(base.path());
        let nothing = Cached {
            bytes: Some(0),
            unused: None,
        };
        let store = Store::open(&base.path().join("store")).unwrap();
        store
            .collect(&Kept(base.path()), &nothing, Extent::Whole)
            .unwrap();
        for tag in &told {
            let reference = tag.parse().unwrap();
            assert!(
                registry.resolve(&repository(), &reference).unwrap().is_some(),
                "{tag} was promised"
            );
        }
        promised += told.len();
        check_all(&registry, &store);
    }
    assert!(
        promised > POINTS,
        "only {promised} images were pushed: the kills came too early to show anything"
    );
}

/// Checks that each image that is visible is whole.
fn check_all(registry: &Registry, store: &Store) {
    let Ok(tags) = registry.tags(&repository()) else {
        return;
    };
    for tag in tags {
        let manifest = registry
            .resolve(&repository(), &Reference::Tag(tag))
            .unwrap()
            .unwrap();
        for digest in store.reachable(&[manifest.digest]).unwrap() {
            let blob = store.existing_blob(&digest).unwrap();
            assert_eq!(Digest::of(blob.read(1 << 20).unwrap()), digest);
            let is_manifest = digest == manifest.digest;
            assert!(is_manifest || registry.blob(&repository(), &digest).unwrap().is_some());
        }
    }
}

/// Answers the tags that were answered for before the kill.
fn kill_after(data: &Path, point: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("push")
        .arg(data)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: Vec<String> = lines.take(point + 1).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    said.into_iter().filter(|tag| !tag.is_empty()).collect()
}

fn registry(data: &Path) -> Registry {
    let store = Store::open(&data.join("store")).unwrap();
    Registry::open(data, store, Limits::default()).unwrap()
}

fn repository() -> Repository {
    "team/app".parse().unwrap()
}

/// Pushes images until it is killed, each layer in two chunks.
#[tokio::main(flavor = "current_thread")]
async fn work(data: &Path) {
    let service = Service::new(registry(data), Transfers::default());
    let mut last = String::new();
    for round in 0.. {
        let text = format!("{}-{round}-", std::process::id()).repeat(2_000);
        let layer = Digest::of(&text);
        let (first, second) = text.split_at(text.len() / 2);
        let place = ask(
            &service,
            &mut last,
            (Method::POST, "/v2/team/app/blobs/uploads/"),
            "",
        )
        .await;
        ask(&service, &mut last, (Method::PATCH, &place), first).await;
        let path = format!("{place}?digest={layer}");
        ask(&service, &mut last, (Method::PUT, &path), second).await;
        let config = Digest::of("{}");
        let path = format!("/v2/team/app/blobs/uploads/?digest={config}");
        ask(&service, &mut last, (Method::POST, &path), "{}").await;
        let manifest = format!(r#"{{"config":{{"digest":"{config}"}},"layers":[{{"digest":"{layer}"}}]}}"#);
        let tag = format!("t{}-{round}", std::process::id());
        let path = format!("/v2/team/app/manifests/{tag}");
        ask(&service, &mut last, (Method::PUT, &path), &manifest).await;
        last = tag;
    }
}

/// Says which image was answered for last, then sends a request that must succeed; answers its location.
async fn ask(service: &Service, last: &mut String, (method, path): (Method, &str), body: &str) -> String {
    let mut stdout = std::io::stdout();
    stdout
        .write_all(format!("{}\n", std::mem::take(last)).as_bytes())
        .unwrap();
    stdout.flush().unwrap();
    let body = Full::new(Bytes::from(body.to_owned()));
    let request = Request::builder().method(method).uri(path).body(body).unwrap();
    let answer = service.handle(request, Access::Full).await;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    assert!(head.status.is_success(), "{path}: {} {body:?}", head.status);
    head.headers["location"].to_str().unwrap().to_owned()
}
