//! Blobs and manifests on their way out.

use coracle_spec::Digest;
use http::Request;

use crate::world::{IMAGE, World};

#[tokio::test]
async fn a_blob_is_answered_whole_in_part_or_not_at_all() {
    let world = World::new();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let digest = world.push("a", &bytes).await;
    let path = format!("/v2/a/blobs/{digest}");
    let whole = world.get(&path).await;
    assert_eq!(
        (whole.status.as_u16(), whole.header("content-length")),
        (200, "3000000")
    );
    assert_eq!(whole.body, bytes);
    for (range, start, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=100-1999999", 100, 2_000_000),
        ("bytes=2999999-", 2_999_999, 3_000_000),
        ("bytes=-10", 2_999_990, 3_000_000),
    ] {
        let part = world.send(Request::get(&path).header("range", range), "").await;
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.body, bytes[start..end], "{range}");
        assert_eq!(
            part.header("content-range"),
            format!("bytes {start}-{}/3000000", end - 1)
        );
    }
    let beyond = world
        .send(Request::get(&path).header("range", "bytes=3000000-"), "")
        .await;
    assert_eq!(
        (beyond.status.as_u16(), beyond.header("content-range")),
        (416, "bytes */3000000")
    );
    let other = Request::get(&path)
        .header("range", "bytes=0-0")
        .header("if-range", "\"x\"");
    assert_eq!(world.send(other, "").await.status, 200);
    let head = world.head(&path).await;
    assert_eq!(
        (head.status.as_u16(), head.header("docker-content-digest")),
        (200, digest.to_string().as_str())
    );
    assert_eq!(world.push("a", b"").await, Digest::of(""));
    assert_eq!(
        world.get(&format!("/v2/a/blobs/{}", Digest::of(""))).await.body,
        ""
    );
}

#[tokio::test]
async fn a_manifest_is_had_by_tag_and_by_digest_as_it_was_pushed() {
    let world = World::new();
    let digest = world.push_image("team/app", "v1", "layer").await;
    for reference in ["v1".to_owned(), digest.to_string()] {
        let path = format!("/v2/team/app/manifests/{reference}");
        let got = world.get(&path).await;
        assert_eq!(got.status, 200);
        assert_eq!(Digest::of(&got.body), digest);
        let head = world.head(&path).await;
        assert_eq!(head.header("content-length"), got.body.len().to_string());
        for answer in [&got, &head] {
            assert_eq!(answer.header("content-type"), IMAGE);
            assert_eq!(answer.header("docker-content-digest"), digest.to_string());
            assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
        }
        let known = Request::get(&path).header("if-none-match", format!("\"{digest}\""));
        assert_eq!(world.send(known, "").await.status, 304);
    }
    for path in ["/v2/team/app/manifests/v2", "/v2/team/other/manifests/v1"] {
        assert_eq!(world.get(path).await.code(), "MANIFEST_UNKNOWN");
        assert_eq!(world.head(path).await.status, 404);
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_is_answered_with_a_code() {
    let world = World::new();
    for (method, path, status, code) in [
        ("GET", "/v2/A/tags/list", 400, "NAME_INVALID"),
        ("GET", "/v2/../tags/list", 400, "NAME_INVALID"),
        ("GET", "/v2/a/blobs/sha512:00", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/manifests/.x", 404, "MANIFEST_UNKNOWN"),
        ("PUT", "/v2/a/manifests/.x", 400, "MANIFEST_INVALID"),
        ("GET", "/v2/a/referrers/x", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/tags/list", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/nothing", 404, "UNSUPPORTED"),
        ("POST", "/v2/", 405, "UNSUPPORTED"),
        ("PATCH", "/v2/a/manifests/x", 405, "UNSUPPORTED"),
    ] {
        let answer = world.send(Request::builder().method(method).uri(path), "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{path}"
        );
    }
    let long = format!("/v2/{}/tags/list", "a".repeat(256));
    assert_eq!(world.get(&long).await.code(), "NAME_INVALID");
}
