//! Blobs on their way in.

use coracle_spec::Digest;
use http::Request;

use crate::world::{World, send};

#[tokio::test]
async fn a_blob_comes_whole_with_one_request_or_with_two() {
    let world = World::new();
    let one = world.push("team/app", b"one").await;
    let begun = world.post("/v2/team/app/blobs/uploads/").await;
    assert_eq!((begun.status.as_u16(), begun.header("range")), (202, "0-0"));
    let two = Digest::of("two");
    let path = format!("{}?digest={two}", begun.location());
    let put = world.send(Request::put(path), "two").await;
    assert_eq!(
        (put.status.as_u16(), put.location()),
        (201, format!("/v2/team/app/blobs/{two}"))
    );
    assert_eq!(put.header("docker-content-digest"), two.to_string());
    for (digest, text) in [(one, "one"), (two, "two")] {
        assert_eq!(
            world.get(&format!("/v2/team/app/blobs/{digest}")).await.body,
            text
        );
    }
}

#[tokio::test]
async fn chunks_follow_each_other_and_one_out_of_order_is_told_the_next_byte() {
    let world = World::new();
    let place = world.post("/v2/a/blobs/uploads/").await.location();
    let chunk = |range: &str| Request::patch(&place).header("content-range", range);
    let first = world.send(chunk("0-3"), "abcd").await;
    assert_eq!((first.status.as_u16(), first.header("range")), (202, "0-3"));
    let again = world.send(chunk("0-3"), "abcd").await;
    assert_eq!((again.status.as_u16(), again.header("range")), (416, "0-3"));
    assert_eq!(again.code(), "BLOB_UPLOAD_INVALID");
    let gap = world.send(chunk("9-9"), "x").await;
    assert_eq!(gap.status, 416);
    let status = world.get(&place).await;
    assert_eq!((status.status.as_u16(), status.header("range")), (204, "0-3"));
    assert_eq!(world.send(chunk("4-5"), "ef").await.header("range"), "0-5");
    let last =
        Request::put(format!("{place}?digest={}", Digest::of("abcdefgh"))).header("content-range", "6-7");
    assert_eq!(world.send(last, "gh").await.status, 201);
    assert_eq!(world.get(&place).await.code(), "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_chunk_whose_range_is_none_or_of_another_length_is_refused() {
    let world = World::new();
    let place = world.post("/v2/a/blobs/uploads/").await.location();
    for range in ["", "x", "3-1", "0-9", "-"] {
        let chunk = Request::patch(&place).header("content-range", range);
        assert_eq!(world.send(chunk, "abcd").await.status, 400, "{range}");
    }
    assert_eq!(world.get(&place).await.header("range"), "0-0");
}

#[tokio::test]
async fn an_upload_goes_on_in_another_process() {
    let world = World::new();
    let place = world.post("/v2/a/blobs/uploads/").await.location();
    world.send(Request::patch(&place), "first ").await;
    let other = world.again();
    send(&other, Request::patch(&place), "second ").await;
    let digest = Digest::of("first second third");
    let put = world
        .send(Request::put(format!("{place}?digest={digest}")), "third")
        .await;
    assert_eq!(put.status, 201, "{put:?}");
}

#[tokio::test]
async fn an_upload_is_of_no_use_in_another_repository() {
    let world = World::new();
    let place = world.post("/v2/a/blobs/uploads/").await.location();
    let stolen = place.replace("/v2/a/", "/v2/b/");
    assert_eq!(world.get(&stolen).await.status, 404);
    assert_eq!(world.send(Request::patch(&stolen), "x").await.status, 404);
    assert_eq!(world.delete(&stolen).await.status, 404);
    assert_eq!(world.delete(&place).await.status, 204);
    assert_eq!(world.delete(&place).await.code(), "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn what_is_not_what_its_digest_says_is_refused_and_gone() {
    let world = World::new();
    let place = world.post("/v2/a/blobs/uploads/").await.location();
    let wrong = Digest::of("other");
    let put = world
        .send(Request::put(format!("{place}?digest={wrong}")), "something")
        .await;
    assert_eq!(
        (put.status.as_u16(), put.code()),
        (400, "DIGEST_INVALID".to_owned())
    );
    assert_eq!(world.head(&format!("/v2/a/blobs/{wrong}")).await.status, 404);
    assert_eq!(world.get(&place).await.status, 404);
    let sha512 = format!("sha512:{}", "0".repeat(128));
    for digest in ["", "sha256:abc", "md5:12", &sha512, "sha256:../../x"] {
        let path = format!("/v2/a/blobs/uploads/?digest={digest}");
        let answer = world.send(Request::post(path), "x").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, "DIGEST_INVALID".to_owned())
        );
    }
}

#[tokio::test]
async fn a_blob_is_mounted_from_a_repository_that_has_it_and_sent_otherwise() {
    let world = World::new();
    let digest = world.push("from", b"layer").await;
    let mount = |from: &str| format!("/v2/to/blobs/uploads/?mount={digest}&from={from}");
    assert_eq!(world.post(&mount("nobody")).await.status, 202);
    assert_eq!(world.post(&mount("..")).await.status, 202);
    assert_eq!(world.head(&format!("/v2/to/blobs/{digest}")).await.status, 404);
    let mounted = world.post(&mount("from")).await;
    assert_eq!(
        (mounted.status.as_u16(), mounted.location()),
        (201, format!("/v2/to/blobs/{digest}"))
    );
    assert_eq!(world.get(&format!("/v2/to/blobs/{digest}")).await.body, "layer");
}

#[tokio::test]
async fn a_blob_of_the_store_is_in_no_repository_by_itself() {
    let world = World::new();
    let secret = world.store().put_blob(b"another tenant's").unwrap().digest;
    world.push("a", b"x").await;
    for method in ["GET", "HEAD"] {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v2/a/blobs/{secret}"));
        assert_eq!(world.send(request, "").await.status, 404);
    }
    let mount = format!("/v2/a/blobs/uploads/?mount={secret}&from=a");
    assert_eq!(world.post(&mount).await.status, 202);
}
