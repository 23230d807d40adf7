//! Connections to instances: kept, given up, and what happens when the other side gave them up first.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coracle_gateway::{Limits, Outcome};
use http::Response;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::support::{App, World, get, json, post, refusal, text, whole};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Reads a request's head, and whatever comes with it. Answers how much there was.
async fn read_some(io: &mut DuplexStream) -> usize {
    io.read(&mut vec![0; 64 << 10]).await.unwrap_or(0)
}

/// An application that answers one request a connection, reads the next one and closes without an answer.
fn forgetful() -> Arc<App> {
    App::raw(async |mut io, _| {
        read_some(&mut io).await;
        io.write_all(ANSWER).await.unwrap();
        read_some(&mut io).await;
    })
}

#[tokio::test]
async fn requests_one_after_the_other_share_a_connection() {
    let app = App::saying("hello");
    let world = World::of(&app, Limits::default());
    for _ in 0..20 {
        assert_eq!(text(world.answer(get("/")).await).await, "hello");
        assert_eq!(text(world.answer(post("body")).await).await, "hello");
    }
    assert_eq!(app.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unused_connection_is_closed_before_its_server_would() {
    let closed = Arc::new(AtomicUsize::new(0));
    let app = App::raw({
        let closed = Arc::clone(&closed);
        move |mut io, _| {
            let closed = Arc::clone(&closed);
            async move {
                read_some(&mut io).await;
                io.write_all(ANSWER).await.unwrap();
                assert_eq!(read_some(&mut io).await, 0);
                closed.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let world = World::of(&app, Limits::default());
    text(world.answer(get("/")).await).await;
    world.settle().await;
    assert_eq!(closed.load(Ordering::SeqCst), 0);
    tokio::time::sleep(Limits::default().keep_connection + Duration::from_millis(1)).await;
    world.settle().await;
    assert_eq!(closed.load(Ordering::SeqCst), 1);
    text(world.answer(get("/")).await).await;
    assert_eq!(app.connections(), 2);
}

#[tokio::test]
async fn a_request_that_meets_a_closed_connection_is_sent_again() {
    let app = forgetful();
    let world = World::of(&app, Limits::default());
    for expected in 1..=5 {
        assert_eq!(text(world.answer(get("/")).await).await, "ok");
        assert_eq!(app.connections(), expected);
    }
}

#[tokio::test]
async fn a_request_that_may_have_had_an_effect_is_not_sent_again() {
    let app = forgetful();
    let world = World::of(&app, Limits::default());
    assert_eq!(text(world.answer(post("first")).await).await, "ok");
    assert_eq!(
        refusal(world.answer(json(post("second"))).await).await,
        (502, "no_answer".to_owned())
    );
    assert_eq!(app.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_before_the_request_costs_any_method_nothing() {
    let app = App::raw(async |mut io, _| {
        read_some(&mut io).await;
        io.write_all(ANSWER).await.unwrap();
    });
    let world = World::of(&app, Limits::default());
    for _ in 0..5 {
        assert_eq!(text(world.answer(post("body")).await).await, "ok");
    }
    assert_eq!(app.connections(), 5);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_an_answer_closes_the_connection() {
    let (hand, app) = App::by_hand();
    let world = World::of(&app, Limits::default());
    let mut response = world.answer(get("/")).await;
    hand.send("first");
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    assert_eq!(world.in_flight("a"), 0);
    world.settle().await;
    assert!(hand.is_gone());
    let ended = world.noted.ended(1).await;
    assert_eq!(ended, [(Some(http::StatusCode::OK), Outcome::ClientLeft, 0, 5)]);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_closes_the_connection() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let app = App::raw(move |mut io, _| {
        let sender = sender.clone();
        async move {
            for _ in 0..2 {
                sender.send(read_some(&mut io).await).unwrap();
            }
        }
    });
    let world = World::of(&app, Limits::default());
    let pending = world.send(get("/"));
    assert!(receiver.recv().await.unwrap() > 0);
    pending.leave().await;
    assert_eq!((receiver.recv().await.unwrap(), world.in_flight("a")), (0, 0));
}

#[tokio::test]
async fn a_paused_instance_keeps_no_connections() {
    let app = App::saying("hello");
    let world = World::of(&app, Limits::default());
    text(world.answer(get("/")).await).await;
    let id = "a".into();
    assert!(world.revision.pause(&id) && world.revision.resume(&id));
    text(world.answer(get("/")).await).await;
    assert_eq!(app.connections(), 2);
}

#[tokio::test]
async fn no_more_connections_are_kept_than_requests_are_served_at_once() {
    let app = App::http(async |_| Response::new(whole("hello")));
    let limits = Limits {
        concurrency: NonZeroU32::new(3).unwrap(),
        ..Limits::default()
    };
    let world = World::of(&app, limits);
    let sent: Vec<_> = (0..30).map(|_| world.send(get("/"))).collect();
    for pending in sent {
        text(pending.response().await).await;
    }
    assert!(app.connections() <= 3, "{}", app.connections());
}
