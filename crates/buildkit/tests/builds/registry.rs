//! Base images from a registry that wants to know who asks.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use coracle_build::SecretValue;
use coracle_buildkit::{Login, Logins};
use coracle_spec::Digest;
use http::{HeaderMap, StatusCode, Uri, header};
use tokio::net::TcpListener;

use crate::world::{World, daemon};

/// `ada:hush` as `Basic` has it (RFC 7617 §2).
const ADA: &str = "Basic YWRhOmh1c2g=";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

struct Ada(String);

#[async_trait]
impl Logins for Ada {
    async fn login(&self, registry: &str) -> Result<Option<Login>, Box<dyn Error + Send + Sync>> {
        Ok((registry == self.0).then(|| Login {
            user: "ada".to_owned(),
            secret: SecretValue::new("hush"),
        }))
    }
}

/// Answers what a registry with one image of no layers answers.
fn answer(path: &str, headers: &HeaderMap) -> (StatusCode, &'static str, String) {
    let is_ada = headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value == ADA);
    let config = r#"{"architecture":"amd64","os":"linux","config":{"Env":["FROM_BASE=yes"]},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[]}}"#,
        Digest::of(config),
        config.len()
    );
    match path {
        _ if !is_ada => (StatusCode::UNAUTHORIZED, "text/plain", String::new()),
        path if path.contains("/manifests/") => (StatusCode::OK, MANIFEST, manifest),
        path if path.contains("/blobs/") => (StatusCode::OK, "application/octet-stream", config.to_owned()),
        _ => (StatusCode::OK, "text/plain", String::new()),
    }
}

async fn serve(listener: TcpListener) {
    let app = axum::Router::new().fallback(|uri: Uri, headers: HeaderMap| async move {
        let (status, kind, body) = answer(uri.path(), &headers);
        let mut fields = HeaderMap::new();
        fields.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        fields.insert(header::WWW_AUTHENTICATE, "Basic realm=\"tests\"".parse().unwrap());
        fields.insert(
            "docker-content-digest",
            Digest::of(&body).to_string().parse().unwrap(),
        );
        (status, fields, body)
    });
    axum::serve(listener, app).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_pulls_as_who_we_are() {
    let mut world = World::new();
    let (_daemon, place) = daemon(world.root.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let registry = listener.local_addr().unwrap().to_string();
    world.write("file", "hello");
    let solve = world.solve(&format!("FROM {registry}/base\nLABEL a=b\n"));
    let building = async {
        let refused = world.build(&place, &solve).await.unwrap_err();
        assert!(
            refused.source().unwrap().to_string().contains("401"),
            "{refused:?}"
        );
        world.logins = Arc::new(Ada(registry));
        world.build(&place, &solve).await.unwrap()
    };
    let solved = tokio::select! {
        () = serve(listener) => unreachable!("it serves until the builds are done"),
        solved = building => solved,
    };
    let config = coracle_oci::load_config(&world.store, &solved.images[0]).unwrap();
    assert!(format!("{config:?}").contains("FROM_BASE"), "{config:?}");
}
