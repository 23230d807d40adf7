//! The registry of a server: who may do what there, and whether it is what clients of registries expect.

use std::net::SocketAddr;
use std::process::Command;

use bytes::Bytes;
use coracle_api::{Client, Credentials};
use coracle_peers::conformance::suite;
use coracle_server::ServeConfig;
use coracle_testkit::Program;
use http::Request;
use http::header::{HeaderMap, WWW_AUTHENTICATE};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::world::{World, settings};

/// Every kind of path, with a method that it takes.
fn routes() -> Vec<(&'static str, String)> {
    let digest = coracle_spec::Digest::of("x");
    vec![
        ("GET", "/v2".to_owned()),
        ("GET", "/v2/".to_owned()),
        ("HEAD", "/v2/".to_owned()),
        ("GET", "/v2/_catalog".to_owned()),
        ("GET", "/v2/_token".to_owned()),
        ("GET", "/v2/team/app/tags/list".to_owned()),
        ("GET", "/v2/team/app/manifests/latest".to_owned()),
        ("HEAD", "/v2/team/app/manifests/latest".to_owned()),
        ("PUT", "/v2/team/app/manifests/latest".to_owned()),
        ("DELETE", "/v2/team/app/manifests/latest".to_owned()),
        ("GET", format!("/v2/team/app/blobs/{digest}")),
        ("HEAD", format!("/v2/team/app/blobs/{digest}")),
        ("DELETE", format!("/v2/team/app/blobs/{digest}")),
        ("POST", "/v2/team/app/blobs/uploads/".to_owned()),
        ("GET", "/v2/team/app/blobs/uploads/1".to_owned()),
        ("PATCH", "/v2/team/app/blobs/uploads/1".to_owned()),
        ("PUT", "/v2/team/app/blobs/uploads/1".to_owned()),
        ("DELETE", "/v2/team/app/blobs/uploads/1".to_owned()),
        ("GET", format!("/v2/team/app/referrers/{digest}")),
        ("GET", "/v2/nothing/here".to_owned()),
        ("GET", "/v2/../api".to_owned()),
    ]
}

/// A server whose images may be pulled by everybody.
async fn public() -> World {
    let config = ServeConfig {
        anonymous_pull: true,
        ..settings()
    };
    World::with(Program::greeting("hi"), config).await
}

async fn ask(client: &Client, method: &str, path: &str) -> (u16, HeaderMap, Bytes) {
    let request = Request::builder().method(method).uri(path);
    let (head, body) = client.raw(request, Bytes::new()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, body)
}

#[tokio::test]
async fn no_route_of_the_registry_answers_without_credentials() {
    let world = World::running(Program::greeting("hi")).await;
    for credentials in [
        Credentials::None,
        Credentials::admin("wrong"),
        Credentials::Bearer("wrong".to_owned()),
        Credentials::Bearer("full.99999999999.00".to_owned()),
    ] {
        let client = world.remote(credentials.clone());
        for (method, path) in routes() {
            let (status, headers, body) = ask(&client, method, &path).await;
            assert_eq!(status, 401, "{method} {path} with {credentials:?}");
            assert!(headers[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic "));
            assert_eq!(headers["docker-distribution-api-version"], "registry/2.0");
            if method != "HEAD" {
                let body: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(body["errors"][0]["code"], "UNAUTHORIZED");
            }
        }
    }
}

#[tokio::test]
async fn whoever_has_the_password_or_the_socket_has_the_registry() {
    let world = World::running(Program::greeting("hi")).await;
    for client in world.administrators() {
        assert_eq!(ask(&client, "GET", "/v2/").await.0, 200);
        assert_eq!(ask(&client, "GET", "/v2/_catalog").await.0, 200);
        assert_eq!(ask(&client, "POST", "/v2/a/blobs/uploads/").await.0, 202);
    }
}

#[tokio::test]
async fn with_anonymous_pulls_everybody_reads_and_nobody_else_writes() {
    let world = public().await;
    let stranger = world.remote(Credentials::None);
    let (status, headers, _) = ask(&stranger, "GET", "/v2/").await;
    let challenge = headers[WWW_AUTHENTICATE].to_str().unwrap();
    let realm = format!(r#"Bearer realm="http://{}/v2/_token""#, world.server.address());
    assert_eq!(status, 401);
    assert!(challenge.starts_with(&realm), "{challenge}");
    let token = token(&stranger).await;
    for client in [stranger, world.remote(Credentials::Bearer(token.clone()))] {
        assert_eq!(ask(&client, "GET", "/v2/a/manifests/x").await.0, 404);
        // What functions are made of was never published.
        let function = "/v2/functions/default/hello";
        for path in [format!("{function}/manifests/x"), format!("{function}/tags/list")] {
            let status = ask(&client, "GET", &path).await.0;
            assert!([401, 403].contains(&status), "{path}: {status}");
        }
        for (method, path) in routes() {
            let writes =
                !matches!(method, "GET" | "HEAD") || path.contains("uploads") || path.contains("_catalog");
            let status = ask(&client, method, &path).await.0;
            assert!(
                !writes || [401, 403].contains(&status),
                "{method} {path}: {status}"
            );
        }
    }
    // What opens the registry for reading opens nothing else.
    let client = world.remote(Credentials::Bearer(token));
    assert_eq!(ask(&client, "GET", "/v2/").await.0, 200);
    assert_eq!(ask(&client, "GET", "/api/v1/functions").await.0, 401);
}

#[tokio::test]
async fn credentials_get_a_token_that_is_as_good() {
    let world = public().await;
    let token = token(&world.remote(Credentials::admin(world.password()))).await;
    let client = world.remote(Credentials::Bearer(token));
    assert_eq!(ask(&client, "POST", "/v2/a/blobs/uploads/").await.0, 202);
    assert_eq!(ask(&client, "GET", "/api/v1/functions").await.0, 401);
    let wrong = world.remote(Credentials::admin("wrong"));
    assert_eq!(ask(&wrong, "GET", "/v2/_token").await.0, 401);
}

async fn token(client: &Client) -> String {
    let (status, _, body) = ask(
        client,
        "GET",
        "/v2/_token?service=coracle&scope=repository:a:pull",
    )
    .await;
    assert_eq!(status, 200);
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conformance_suite_of_the_distribution_specification_passes() {
    let world = World::running(Program::greeting("hi")).await;
    for manifests_first in ["0", "1"] {
        let (address, password) = (world.server.address(), world.password());
        let run = move || conform(address, &password, manifests_first);
        tokio::task::spawn_blocking(run).await.unwrap();
    }
}

/// Runs the suite, all four workflows, deleting manifests after or before blobs.
fn conform(address: SocketAddr, password: &str, manifests_first: &str) {
    let mut run = Command::new(suite().unwrap());
    run.env("OCI_ROOT_URL", format!("http://{address}"))
        .env("OCI_NAMESPACE", "team/app")
        .env("OCI_CROSSMOUNT_NAMESPACE", "team/other")
        .env("OCI_AUTOMATIC_CROSSMOUNT", "0")
        .env("OCI_DELETE_MANIFEST_BEFORE_BLOBS", manifests_first)
        .env("OCI_USERNAME", "admin")
        .env("OCI_PASSWORD", password)
        .env("OCI_REPORT_DIR", "none");
    for workflow in ["PULL", "PUSH", "CONTENT_DISCOVERY", "CONTENT_MANAGEMENT"] {
        run.env(format!("OCI_TEST_{workflow}"), "1");
    }
    let output = run.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("75 Passed"), "{said}");
    // Those are the other ways of choices that the environment makes: in which order to delete, and whether blobs are
    // mounted without a word of where from.
    assert!(said.contains("4 Skipped"), "{said}");
}
