//! What goes wrong, and what the client is told.

use std::time::Duration;

use bytes::Bytes;
use coracle_gateway::{Inbound, Limits, Outcome};
use coracle_spec::ByteSize;
use coracle_tasks::Tasks;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{App, World, by_hand, get, json, post, refusal, text, whole};

/// An application that reads what comes first and then says `answer`.
fn blurting(answer: &'static [u8]) -> std::sync::Arc<App> {
    App::raw(move |mut io, _| async move {
        let _ = io.read(&mut [0; 4096]).await;
        let _ = io.write_all(answer).await;
    })
}

#[tokio::test]
async fn an_application_that_makes_no_sense_is_a_bad_gateway() {
    for (answer, code) in [
        (&b""[..], "no_answer"),
        (b"HTTP/1.1 200", "no_answer"),
        (b"SSH-2.0-OpenSSH\r\n", "invalid_answer"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "invalid_answer"),
        (
            b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            "invalid_answer",
        ),
    ] {
        let world = World::of(&blurting(answer), Limits::default());
        let refused = refusal(world.answer(json(get("/"))).await).await;
        assert_eq!(
            refused,
            (502, code.to_owned()),
            "{}",
            String::from_utf8_lossy(answer)
        );
        assert_eq!(world.in_flight("a"), 0);
    }
}

#[tokio::test]
async fn a_request_that_a_dying_instance_leaves_without_an_answer_goes_to_another() {
    let world = World::of(&blurting(b""), Limits::default());
    let healthy = App::saying("well");
    world.revision.add("b".into(), healthy.clone());
    for _ in 0..4 {
        assert_eq!(text(world.answer(get("/")).await).await, "well");
    }
    assert_eq!(
        (world.in_flight("a"), world.in_flight("b"), healthy.connections()),
        (0, 0, 1)
    );
}

#[tokio::test]
async fn a_request_is_repeated_once_and_only_if_it_may_be() {
    for (request, connections) in [(get("/"), 2), (post("body"), 1), (post(""), 1)] {
        let app = blurting(b"");
        let world = World::of(&app, Limits::default());
        let refused = refusal(world.answer(json(request)).await).await;
        assert_eq!(refused, (502, "no_answer".to_owned()));
        assert_eq!(app.connections(), connections);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off() {
    let world = World::of(
        &blurting(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
        Limits::default(),
    );
    let response = world.answer(get("/")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.into_body().collect().await.is_err());
    let ended = world.noted.ended(1).await;
    assert_eq!(ended, [(Some(StatusCode::OK), Outcome::Broken("function"), 0, 4)]);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_its_length_or_without() {
    let app = App::http(async |request: Request<hyper::body::Incoming>| {
        let _ = request.into_body().collect().await;
        Response::new(whole("read"))
    });
    let world = World::of(
        &app,
        Limits {
            request_body: ByteSize(10),
            ..Limits::default()
        },
    );
    assert_eq!(text(world.answer(post("0123456789")).await).await, "read");
    let told = refusal(world.answer(json(post("0123456789x"))).await).await;
    assert_eq!((told, app.connections()), ((413, "body_too_large".to_owned()), 1));

    let (hand, frames) = by_hand();
    hand.send("0123456789");
    hand.send("x");
    let request = Request::post("/")
        .header("host", "hello.localhost")
        .body(Inbound::new(frames))
        .unwrap();
    assert_eq!(
        refusal(world.answer(json(request)).await).await,
        (413, "body_too_large".to_owned())
    );
    assert_eq!(world.in_flight("a"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_begin_to_answer_times_out() {
    let app = App::http(async |_| std::future::pending().await);
    let world = World::of(&app, Limits::default());
    let refused = refusal(world.answer(json(get("/"))).await).await;
    assert_eq!(
        (refused, world.in_flight("a")),
        ((504, "first_byte_timeout".to_owned()), 0)
    );

    let slow = Limits {
        first_byte: Duration::from_hours(1),
        ..Limits::default()
    };
    let world = World::of(&app, slow);
    assert_eq!(
        refusal(world.answer(json(get("/"))).await).await,
        (504, "request_timeout".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_falls_silent_or_lasts_too_long_breaks_off() {
    for (pause, limits) in [
        (
            Duration::from_secs(61),
            Limits {
                request: Duration::from_hours(1),
                ..Limits::default()
            },
        ),
        (Duration::from_secs(20), Limits::default()),
    ] {
        let app = App::http(move |_| async move {
            let (hand, frames) = by_hand();
            Tasks::new().spawn("slow", async move {
                for _ in 0..10 {
                    hand.send("x");
                    tokio::time::sleep(pause).await;
                }
            });
            Response::new(frames.boxed_unsync())
        });
        let world = World::of(&app, limits);
        let response = world.answer(get("/")).await;
        assert!(response.into_body().collect().await.is_err());
        assert_eq!(world.noted.ended(1).await[0].1, Outcome::Broken("late"));
        assert_eq!(world.in_flight("a"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_slow_but_steady_passes() {
    let app = App::http(async |_| {
        let (hand, frames) = by_hand();
        Tasks::new().spawn("steady", async move {
            for _ in 0..50 {
                hand.send("x");
                tokio::time::sleep(Duration::from_secs(50)).await;
            }
        });
        Response::new(frames.boxed_unsync())
    });
    let world = World::of(
        &app,
        Limits {
            request: Duration::from_hours(1),
            ..Limits::default()
        },
    );
    assert_eq!(text(world.answer(get("/")).await).await.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_sending_is_told_and_a_slow_one_is_not() {
    let app = App::http(async |request: Request<hyper::body::Incoming>| {
        match request.into_body().collect().await {
            Ok(_) => Response::new(whole("read")),
            Err(_) => std::future::pending().await,
        }
    });
    let limits = Limits {
        request: Duration::from_hours(1),
        ..Limits::default()
    };
    let world = World::of(&app, limits);
    let upload = |body| {
        Request::post("/")
            .header("host", "hello.localhost")
            .body(Inbound::new(body))
            .unwrap()
    };

    let (hand, frames) = by_hand();
    hand.send("first");
    assert_eq!(
        refusal(world.answer(json(upload(frames))).await).await,
        (408, "body_stalled".to_owned())
    );
    drop(hand);

    let (hand, frames) = by_hand();
    world.tasks.spawn("slow client", async move {
        for _ in 0..20 {
            hand.send("x");
            tokio::time::sleep(Duration::from_secs(40)).await;
        }
    });
    assert_eq!(text(world.answer(upload(frames)).await).await, "read");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_callers_form() {
    let world = World::new(Limits::default());
    let request = |host: &str, accept: &str| {
        let request = Request::get("/").header("host", host).header("accept", accept);
        request.body(Inbound::empty()).unwrap()
    };
    let response = world.answer(request("nobody.localhost", "*/*")).await;
    assert_eq!(
        (response.status(), &response.headers()["content-type"]),
        (
            StatusCode::NOT_FOUND,
            &"text/plain; charset=utf-8".parse().unwrap()
        )
    );
    assert!(
        text(response)
            .await
            .starts_with("error: there is no function `nobody`\nrequest: ")
    );
    let json = world
        .answer(request("nobody.localhost", "application/problem+json"))
        .await;
    assert_eq!(refusal(json).await, (404, "unknown_function".to_owned()));
    assert_eq!(
        refusal(world.answer(request("localhost", "application/json")).await)
            .await
            .1,
        "nothing_here"
    );
}

#[tokio::test]
async fn requests_that_cannot_be_routed_are_refused() {
    let world = World::new(Limits::default());
    let no_host = json(Request::get("/").body(Inbound::empty()).unwrap());
    assert_eq!(
        refusal(world.answer(no_host).await).await,
        (400, "no_host".to_owned())
    );
    let connect = Request::connect("hello.localhost:80")
        .body(Inbound::from(Bytes::new()))
        .unwrap();
    assert_eq!(
        refusal(world.answer(json(connect)).await).await,
        (501, "connect".to_owned())
    );
}
