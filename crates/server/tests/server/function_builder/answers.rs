//! What is answered: one object or a stream, and how it ends.

use coracle_registry::{Reference, Repository};

use super::body::{Producer, archive};
use super::yard::Yard;

#[tokio::test]
async fn each_producers_body_becomes_an_image_in_the_own_registry() {
    let yard = Yard::usual().await;
    for producer in [Producer::Go, Producer::Shell, Producer::Python, Producer::Node] {
        let answer = yard.post(archive(producer, &yard.config(), "hello"), "*/*").await;
        assert_eq!(answer.status, 200, "{producer:?}: {}", answer.body);
        let json = answer.json();
        assert_eq!(
            (&json["status"], &json["image"]),
            (&"success".into(), &yard.image().into())
        );
        assert!(json["log"][0].as_str().unwrap().ends_with("Z hello"), "{json}");
        assert!(json["duration"].is_number() && json["error"].is_null());
    }
    let repository: Repository = "team/hello".parse().unwrap();
    let reference: Reference = "1".parse().unwrap();
    assert!(
        yard.server
            .registry()
            .resolve(&repository, &reference)
            .unwrap()
            .is_some()
    );
    assert!(yard.is_clean());
}

#[tokio::test]
async fn the_accepted_type_alone_decides_whether_it_is_a_stream() {
    let yard = Yard::usual().await;
    for (accept, streams) in [
        ("application/x-ndjson", true),
        ("text/html, Application/X-NDJSON;q=0.9", true),
        ("*/*", false),
        ("application/json, text/plain, */*", false),
    ] {
        for kind in [
            "application/octet-stream",
            "application/x-www-form-urlencoded",
            "text/html",
        ] {
            let body = archive(Producer::Go, &yard.config(), "hello");
            let request = http::Request::post("/build")
                .header("accept", accept)
                .header("content-type", kind)
                .header(
                    "x-build-signature",
                    super::body::signature(super::body::SECRET, &body),
                );
            let answer = yard.send(request, body).await;
            let got = answer.headers["content-type"].to_str().unwrap().to_owned();
            assert_eq!(got == "application/x-ndjson", streams, "{accept}, {kind}: {got}");
        }
    }
}

#[tokio::test]
async fn a_stream_ends_with_one_final_status_whatever_happens() {
    let (yard, hasty) = (Yard::usual().await, Yard::hasty().await);
    for (yard, dockerfile, status, error) in [
        (&yard, "hello", "success", ""),
        (
            &yard,
            "fail",
            "failed",
            "the build failed: `RUN false` failed: it exited with code 1",
        ),
        (&yard, "break", "failed", "the build failed"),
        (&yard, "panic", "failed", "a defect of the server"),
        (&hasty, "wait", "failed", "the build took longer than 2 seconds"),
    ] {
        let answer = yard.stream(dockerfile).await;
        assert_eq!(answer.status, 200);
        let last = answer.last();
        assert_eq!(last["status"], status, "{dockerfile}: {last}");
        assert!(last["log"].is_null() && last["duration"].is_number());
        let told = last["error"].as_str().unwrap_or_default();
        assert!(
            told.starts_with(error) || told.contains(error),
            "{dockerfile}: {told}"
        );
    }
    assert!(yard.is_clean() && hasty.is_clean());
}

#[tokio::test]
async fn a_server_that_ends_says_so_in_the_stream() {
    let yard = Yard::usual().await;
    let mut waiting = yard.fake.waiting.subscribe();
    let body = archive(Producer::Go, &yard.config(), "wait");
    let client = yard.client();
    let request = http::Request::post("/build")
        .header("accept", "application/x-ndjson")
        .header(
            "x-build-signature",
            super::body::signature(super::body::SECRET, &body),
        );
    let response = client.raw(request, body.into()).await.unwrap();
    waiting.wait_for(|count| *count == 1).await.unwrap();
    let reading = http_body_util::BodyExt::collect(response.into_body());
    let (text, ()) = tokio::join!(reading, yard.server.shutdown());
    let text = String::from_utf8(text.unwrap().to_bytes().to_vec()).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["status"], &last["error"]),
        (&"failed".into(), &"the server is shutting down".into())
    );
}

#[tokio::test]
async fn a_flood_of_output_stays_in_lines_that_clients_read() {
    let yard = Yard::usual().await;
    let answer = yard.stream("flood\nhello").await;
    assert_eq!(answer.last()["status"], "success");
    let log = answer.log();
    let flood: usize = log.iter().map(|line| line.matches('\u{1}').count()).sum();
    assert_eq!(flood, 200_000);
    assert!(log.contains(&"hello".to_owned()));
}

#[tokio::test]
async fn a_failed_build_in_one_object_has_a_status_of_http_and_of_its_own() {
    let (yard, hasty) = (Yard::usual().await, Yard::hasty().await);
    for (yard, dockerfile, status) in [
        (&yard, "fail", 422),
        (&yard, "break", 500),
        (&yard, "panic", 500),
        (&hasty, "wait", 504),
    ] {
        let answer = yard.build(dockerfile).await;
        assert_eq!(answer.status, status, "{dockerfile}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/json");
        let json = answer.json();
        assert_eq!(json["status"], "failed");
        let last = json["log"].as_array().unwrap().last().unwrap();
        assert_eq!(*last, json["error"], "the error is the log's last line");
    }
}

#[tokio::test]
async fn what_the_configuration_says_reaches_the_build() {
    let yard = Yard::usual().await;
    let config = r#"{"ref":"a","skipPush":true,"push":false,"buildArgs":{"A":"1"},"platforms":["linux/arm64"],"x":{}}"#;
    let body = archive(Producer::Go, config, "args\nplatforms");
    let answer = yard.post(body, "application/x-ndjson").await;
    assert_eq!(answer.last()["image"], "a");
    assert_eq!(answer.log(), [r#"{"A": "1"}"#, "[LinuxArm64]"]);
}

#[tokio::test]
async fn an_image_that_cannot_be_pushed_is_a_failed_build() {
    let yard = Yard::usual().await;
    let config = r#"{"image":"127.0.0.1:1/team/hello"}"#;
    let answer = yard.post(archive(Producer::Go, config, "hello"), "*/*").await;
    assert_ne!(answer.status, 200);
    let json = answer.json();
    assert_eq!(json["image"], "127.0.0.1:1/team/hello");
    assert!(
        json["error"]
            .as_str()
            .unwrap()
            .starts_with("the image was built, but not pushed: "),
        "{json}"
    );
}

#[tokio::test]
async fn what_happens_is_measured() {
    let yard = Yard::usual().await;
    yard.build("hello").await;
    yard.build("fail").await;
    let text = yard.metrics().await;
    for line in [
        "http_requests_total{code=\"200\",method=\"post\"} 1",
        "http_requests_total{code=\"422\",method=\"post\"} 1",
        "http_requests_in_flight 0",
        "builder_builds_in_flight 0",
        "builder_builds_total{tenant=\"acme\",status=\"success\"} 1",
        "builder_builds_total{tenant=\"acme\",status=\"failed\"} 1",
        "builder_build_duration_seconds_count 2",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is not in\n{text}");
    }
}
