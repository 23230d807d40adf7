//! What passes through, and in which shape.

use bytes::Bytes;
use coracle_gateway::{Inbound, Limits, Outcome};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use super::support::{App, World, by_hand, get, is_timed, post, text, whole};

/// An application that tells what it was asked.
fn mirror() -> std::sync::Arc<App> {
    App::http(async |request| {
        let mut lines = vec![format!("{} {}", request.method(), request.uri())];
        let headers = request.headers().iter();
        lines.extend(headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())));
        lines[1..].sort();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        lines.push(String::from_utf8(body.to_vec()).unwrap());
        Response::new(whole(lines.join("\n")))
    })
}

async fn mirrored(request: Request<Inbound>) -> Vec<String> {
    let world = World::of(&mirror(), Limits::default());
    let answer = text(world.answer(request).await).await;
    answer.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_function_sees_its_own_path_and_who_asked() {
    let request = Request::put("/function/hello/a/b?c=d")
        .header("host", "example.com")
        .header("connection", "keep-alive, x-secret")
        .header("x-secret", "1")
        .header("x-request-id", "mine")
        .header("x-forwarded-for", "1.2.3.4")
        .body(Inbound::from(Bytes::from_static(b"body")))
        .unwrap();
    let expected = [
        "PUT /a/b?c=d",
        "content-length: 4",
        "host: example.com",
        "x-forwarded-for: 203.0.113.9",
        "x-forwarded-host: example.com",
        "x-forwarded-proto: http",
        "x-request-id: mine",
        "body",
    ];
    assert_eq!(mirrored(request).await, expected);
}

#[tokio::test]
async fn a_target_with_a_host_is_sent_without_it() {
    let request = Request::get("http://hello.localhost/x?y")
        .body(Inbound::empty())
        .unwrap();
    let seen = mirrored(request).await;
    assert_eq!(seen[..2], ["GET /x?y", "host: hello.localhost"]);
}

#[tokio::test]
async fn a_body_of_unknown_length_arrives_whatever_the_method() {
    for method in ["GET", "POST", "DELETE"] {
        let (hand, frames) = by_hand();
        hand.send("one ");
        hand.send("two");
        drop(hand);
        let request = Request::builder()
            .method(method)
            .uri("/")
            .header("host", "hello.localhost");
        let seen = mirrored(request.body(Inbound::new(frames)).unwrap()).await;
        assert_eq!(seen.last().unwrap(), "one two", "{method}");
    }
}

#[tokio::test]
async fn the_first_part_of_an_answer_passes_before_the_last_is_made() {
    let (hand, app) = App::by_hand();
    let world = World::of(&app, Limits::default());
    let mut response = world.answer(get("/")).await;
    hand.send("first");
    let first = response
        .body_mut()
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    assert_eq!((first.as_ref(), world.in_flight("a")), (&b"first"[..], 1));
    hand.send("last");
    drop(hand);
    assert_eq!(text(response).await, "last");
    let ended = world.noted.ended(1).await;
    assert_eq!(ended, [(Some(StatusCode::OK), Outcome::Answered, 0, 9)]);
}

#[tokio::test]
async fn the_first_part_of_a_request_arrives_before_the_last_is_sent() {
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let app = App::http(move |mut request| {
        let arrived = arrived.clone();
        async move {
            while let Some(frame) = request.body_mut().frame().await {
                arrived.send(frame.unwrap().into_data().unwrap()).unwrap();
            }
            Response::new(whole("done"))
        }
    });
    let world = World::of(&app, Limits::default());
    let (hand, frames) = by_hand();
    let request = Request::post("/")
        .header("host", "hello.localhost")
        .body(Inbound::new(frames))
        .unwrap();
    let pending = world.send(request);
    hand.send("first");
    assert_eq!(arrivals.recv().await.unwrap(), "first");
    hand.send("last");
    drop(hand);
    assert_eq!(arrivals.recv().await.unwrap(), "last");
    assert_eq!(text(pending.response().await).await, "done");
    assert_eq!(world.noted.ended(1).await[0].2, 9);
}

#[tokio::test]
async fn an_application_that_reads_slowly_slows_the_client_down() {
    let app = App::http(async |_| std::future::pending().await);
    let world = World::of(&app, Limits::default());
    let (taken, frames) = counted(1000);
    let request = Request::post("/")
        .header("host", "hello.localhost")
        .body(Inbound::new(frames))
        .unwrap();
    let _pending = world.send(request);
    world.settle().await;
    let read = taken.load(std::sync::atomic::Ordering::SeqCst);
    assert!(
        read > 0 && read < 500,
        "{read} of 1000 pieces were read for nobody"
    );
}

/// A body of `count` pieces of 16 KiB, and how many were taken.
fn counted(
    count: usize,
) -> (
    std::sync::Arc<std::sync::atomic::AtomicUsize>,
    impl http_body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
) {
    let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&taken);
    let frames = futures::stream::iter((0..count).map(move |_| {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(Frame::data(Bytes::from(vec![b'x'; 16 << 10])))
    }));
    (taken, StreamBody::new(frames))
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let app = App::http(async |request: Request<hyper::body::Incoming>| {
        let asked = request.into_body().collect().await.unwrap();
        let trailers = asked.trailers().unwrap().clone();
        let frames = [
            Ok(Frame::data(Bytes::from_static(b"x"))),
            Ok(Frame::trailers(trailers)),
        ];
        let body = StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
        Response::builder().header("trailer", "x-sum").body(body).unwrap()
    });
    let world = World::of(&app, Limits::default());
    let mut sum = HeaderMap::new();
    sum.insert("x-sum", "7".parse().unwrap());
    let frames: [Result<_, std::convert::Infallible>; 2] = [
        Ok(Frame::data(Bytes::from_static(b"x"))),
        Ok(Frame::trailers(sum.clone())),
    ];
    let request = Request::post("/")
        .header("host", "hello.localhost")
        .header("te", "trailers")
        .header("trailer", "x-sum")
        .body(Inbound::new(StreamBody::new(futures::stream::iter(frames))))
        .unwrap();
    let answer = world.answer(request).await.into_body().collect().await.unwrap();
    assert_eq!(answer.trailers(), Some(&sum));
}

#[tokio::test]
async fn answers_without_a_body_are_over_with_their_head() {
    let app = App::http(async |request: Request<hyper::body::Incoming>| {
        let status = request.uri().path()[1..].parse().unwrap();
        Response::builder()
            .status(StatusCode::from_u16(status).unwrap())
            .body(whole(""))
            .unwrap()
    });
    let world = World::of(&app, Limits::default());
    for path in ["/204", "/304", "/200"] {
        let response = world.answer(get(path)).await;
        assert_eq!(world.in_flight("a"), 0, "{path}");
        assert_eq!(text(response).await, "");
    }
    let mut head = get("/200");
    *head.method_mut() = http::Method::HEAD;
    assert_eq!(world.answer(head).await.status(), StatusCode::OK);
    assert_eq!((world.in_flight("a"), app.connections()), (0, 1));
}

#[tokio::test]
async fn a_function_cannot_speak_for_the_platform() {
    let app = App::http(async |_| {
        Response::builder()
            .status(503)
            .header("x-coracle-error", "busy")
            .header("x-coracle-origin", "platform")
            .header("connection", "close, x-hop")
            .header("x-hop", "1")
            .header("server-timing", "db;dur=1")
            .body(whole("mine"))
            .unwrap()
    });
    let response = World::of(&app, Limits::default()).answer(get("/")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers();
    for name in ["x-coracle-error", "x-coracle-origin", "connection", "x-hop"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers.get_all("server-timing").iter().count(), 2);
    assert!(is_timed(headers) && headers.contains_key("x-request-id"));
    assert_eq!(text(response).await, "mine");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_is_read_passes() {
    let app = App::http(async |_| Response::builder().status(403).body(whole("no")).unwrap());
    let world = World::of(&app, Limits::default());
    for _ in 0..3 {
        let response = world.answer(post(vec![b'x'; 1 << 20])).await;
        assert_eq!(
            (response.status(), text(response).await),
            (StatusCode::FORBIDDEN, "no".to_owned())
        );
    }
    assert_eq!(world.in_flight("a"), 0);
}
