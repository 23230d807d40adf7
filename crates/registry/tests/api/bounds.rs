//! Too much, too many, too slowly.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use coracle_registry::{Access, Limits};
use coracle_spec::Digest;
use futures::stream;
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;

use crate::world::World;

#[tokio::test]
async fn a_manifest_and_a_blob_that_are_too_large_are_refused() {
    let world = World::with(Limits {
        manifest: 1000,
        blob: 2000,
        ..Limits::default()
    });
    let text = format!(r#"{{"annotations":{{"a":"{}"}}}}"#, "x".repeat(1000));
    let answer = world.push_manifest(("a", "x"), &text).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (413, "SIZE_INVALID".to_owned())
    );
    let path = format!("/v2/a/blobs/uploads/?digest={}", Digest::of("x"));
    let answer = world.send(Request::post(path), vec![0; 2001]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (413, "SIZE_INVALID".to_owned())
    );
    assert_eq!(world.store().count_uploads().unwrap(), 0);
}

#[tokio::test]
async fn uploads_that_nobody_finishes_are_bounded() {
    let world = World::with(Limits {
        uploads: 2,
        ..Limits::default()
    });
    let first = world.post("/v2/a/blobs/uploads/").await.location();
    world.post("/v2/a/blobs/uploads/").await;
    let third = world.post("/v2/a/blobs/uploads/").await;
    assert_eq!(
        (third.status.as_u16(), third.code()),
        (429, "TOOMANYREQUESTS".to_owned())
    );
    assert!(!third.header("retry-after").is_empty());
    world.delete(&first).await;
    assert_eq!(world.post("/v2/a/blobs/uploads/").await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_is_not_waited_for_and_may_come_back() {
    let world = World::new();
    let place = world.post("/v2/a/blobs/uploads/").await.location();
    let body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let request = Request::patch(&place).body(body).unwrap();
    let answer = world.service.handle(request, Access::Full).await;
    assert_eq!(answer.status(), 408);
    assert_eq!(
        world.send(Request::patch(&place), "late").await.header("range"),
        "0-3"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_trickles_is_cut_off() {
    let world = World::new();
    let place = world.post("/v2/a/blobs/uploads/").await.location();
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(50)).await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))), ()))
    });
    let request = Request::patch(&place)
        .body(StreamBody::new(Box::pin(drops)))
        .unwrap();
    let answer = world.service.handle(request, Access::Full).await;
    assert_eq!(answer.status(), 408);
}

#[tokio::test]
async fn without_credentials_images_are_pulled_and_nothing_else() {
    let world = World::new();
    world.push_image("a", "latest", "layer").await;
    for (method, path, status) in [
        ("GET", "/v2/a/manifests/latest", 200),
        ("GET", "/v2/a/tags/list", 200),
        ("GET", "/v2/_catalog", 403),
        ("DELETE", "/v2/a/manifests/latest", 403),
        ("PUT", "/v2/a/manifests/x", 403),
        ("POST", "/v2/a/blobs/uploads/", 403),
        ("GET", "/v2/a/blobs/uploads/1", 403),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(http_body_util::Empty::<Bytes>::new()).unwrap();
        let answer = world.service.handle(request, Access::Pull).await;
        assert_eq!(answer.status(), status, "{method} {path}");
    }
}
