//! Who gets a place, who waits, who is told to come back.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use coracle_gateway::{Limits, Outcome, Peer, StartFailure};
use coracle_spec::Class;
use coracle_tasks::Task;
use http::{Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::support::{App, Deaf, World, get, is_timed, json, refusal, text, whole};

fn limits(concurrency: u32) -> Limits {
    Limits {
        concurrency: NonZeroU32::new(concurrency).unwrap(),
        ..Limits::default()
    }
}

/// An application that answers each request once it has a permit.
fn gated() -> (Arc<Semaphore>, Arc<App>) {
    let gate = Arc::new(Semaphore::new(0));
    let app = App::http({
        let gate = Arc::clone(&gate);
        move |_| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                Response::new(whole("through"))
            }
        }
    });
    (gate, app)
}

#[tokio::test]
async fn fifty_first_requests_ask_for_one_instance_and_all_are_answered() {
    let world = World::new(limits(20));
    let waiting: Vec<_> = (0..50).map(|_| world.send(get("/"))).collect();
    world.settle().await;
    assert_eq!((world.asked.count(), world.revision.observe().waiting), (1, 50));
    let app = App::saying("hello");
    world.add("a", &app);
    for pending in waiting {
        let response = pending.response().await;
        assert!(is_timed(response.headers()));
        assert_eq!(
            (response.status(), text(response).await),
            (StatusCode::OK, "hello".to_owned())
        );
    }
    assert!(app.connections() <= 20 && world.in_flight("a") == 0);
}

#[tokio::test]
async fn a_wish_is_repeated_when_an_instance_came_and_requests_still_wait() {
    let (gate, app) = gated();
    let world = World::new(limits(1));
    let waiting: Vec<_> = (0..3).map(|_| world.send(get("/"))).collect();
    world.settle().await;
    world.add("a", &app);
    assert_eq!((world.asked.count(), world.revision.observe().waiting), (2, 2));
    world.add("b", &app);
    world.add("c", &app);
    assert_eq!((world.asked.count(), world.revision.observe().waiting), (3, 0));
    gate.add_permits(3);
    for pending in waiting {
        assert_eq!(pending.response().await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_place_in_the_queue() {
    let world = World::new(Limits {
        queue_length: 1,
        ..limits(1)
    });
    let first = world.send(get("/"));
    world.settle().await;
    assert_eq!(
        refusal(world.answer(json(get("/"))).await).await,
        (429, "queue_full".to_owned())
    );
    first.leave().await;
    let second = world.send(get("/"));
    world.settle().await;
    assert_eq!(world.revision.observe().waiting, 1);
    world.add("a", &App::saying("hello"));
    assert_eq!(second.response().await.status(), StatusCode::OK);
    assert_eq!(world.noted.ended(2).await[1], (None, Outcome::ClientLeft, 0, 0));
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let world = World::new(Limits {
        queue_length: 0,
        ..limits(1)
    });
    let response = world.answer(get("/")).await;
    assert_eq!(
        (
            &response.headers()["retry-after"],
            &response.headers()["x-coracle-error"]
        ),
        (&"1".parse().unwrap(), &"busy".parse().unwrap())
    );
    assert!(text(response).await.starts_with("error: too many requests"));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_what_was_waited_for() {
    let (_gate, app) = gated();
    let world = World::new(limits(1));
    assert_eq!(
        refusal(world.answer(json(get("/"))).await).await,
        (504, "start_timeout".to_owned())
    );
    world.add("a", &app);
    let _busy = world.send(get("/"));
    world.settle().await;
    // Shorter than the busy request may take.
    assert_eq!(
        refusal(world.answer(json(get("/"))).await).await,
        (503, "queue_timeout".to_owned())
    );
}

#[tokio::test]
async fn a_failed_start_is_told_to_everybody_who_waits_and_to_nobody_later() {
    let world = World::new(limits(1));
    let waiting: Vec<_> = (0..3).map(|_| world.send(json(get("/")))).collect();
    world.settle().await;
    let failure = StartFailure {
        class: Class::User,
        message: "it ended with exit code 1".to_owned(),
        hint: Some("read its log".to_owned()),
    };
    world.revision.fail_waiting(&failure);
    for pending in waiting {
        assert_eq!(
            refusal(pending.response().await).await,
            (502, "not_started".to_owned())
        );
    }
    let late = world.send(get("/"));
    world.settle().await;
    assert_eq!(world.asked.count(), 2);
    world.add("a", &App::saying("hello"));
    assert_eq!(late.response().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_failed_start_beside_a_busy_instance_fails_nobody() {
    let (gate, app) = gated();
    let world = World::of(&app, limits(1));
    let both = [world.send(get("/")), world.send(get("/"))];
    world.settle().await;
    let failure = StartFailure {
        class: Class::Busy,
        message: "no memory".to_owned(),
        hint: None,
    };
    world.revision.fail_waiting(&failure);
    gate.add_permits(2);
    for pending in both {
        assert_eq!(pending.response().await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn requests_go_where_the_fewest_are_in_flight_and_no_instance_gets_too_many() {
    let (gate, app) = gated();
    let world = World::of(&app, limits(2));
    world.add("b", &app);
    let sent: Vec<_> = (0..5).map(|_| world.send(get("/"))).collect();
    world.settle().await;
    assert_eq!(
        (
            world.in_flight("a"),
            world.in_flight("b"),
            world.revision.observe().waiting
        ),
        (2, 2, 1)
    );
    gate.add_permits(5);
    for pending in sent {
        assert_eq!(text(pending.response().await).await, "through");
    }
    assert_eq!((world.in_flight("a"), world.in_flight("b")), (0, 0));
}

#[tokio::test]
async fn a_place_lasts_as_long_as_the_body() {
    let world = World::of(&App::saying("hello"), limits(1));
    let response = world.answer(get("/")).await;
    let next = world.send(get("/"));
    world.settle().await;
    let freed_by = match world.in_flight("a") {
        1 => text(response).await,
        idle => panic!("{idle} in flight while a body is"),
    };
    assert_eq!(
        (freed_by.as_str(), next.response().await.status()),
        ("hello", StatusCode::OK)
    );
}

#[tokio::test]
async fn an_instance_is_paused_only_with_nothing_in_flight_and_gets_nothing_then() {
    let (gate, app) = gated();
    let world = World::of(&app, limits(1));
    let id = "a".into();
    let busy = world.send(get("/"));
    world.settle().await;
    assert!(!world.revision.pause(&id));
    gate.add_permits(1);
    text(busy.response().await).await;
    assert!(world.revision.pause(&id) && !world.revision.pause(&id));
    let waiting = world.send(get("/"));
    world.settle().await;
    assert_eq!((world.in_flight("a"), world.asked.count()), (0, 1));
    gate.add_permits(1);
    assert!(world.revision.resume(&id) && !world.revision.resume(&id));
    assert_eq!(text(waiting.response().await).await, "through");
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_what_is_in_flight_and_no_longer_than_it_may() {
    let (gate, app) = gated();
    let world = World::of(&app, limits(5));
    let id = "a".into();
    let pending = world.send(get("/"));
    world.settle().await;
    assert!(
        !world
            .revision
            .drain(&id, Instant::now() + Duration::from_secs(1))
            .await
    );
    let new = world.send(get("/"));
    world.settle().await;
    assert_eq!((world.in_flight("a"), world.revision.observe().waiting), (1, 1));
    gate.add_permits(1);
    let drained = world.revision.drain(&id, Instant::now() + Duration::from_secs(1));
    let (drained, answer) = tokio::join!(drained, async { text(pending.response().await).await });
    assert!(drained && answer == "through");
    world.revision.remove(&id);
    assert!(world.revision.observe().instances.is_empty());
    new.leave().await;
}

#[tokio::test]
async fn an_instance_that_cannot_be_reached_is_reported_and_another_one_answers() {
    let world = World::new(limits(5));
    world.revision.add("deaf".into(), Arc::new(Deaf));
    let pending = world.send(get("/"));
    world.asked.called().await;
    assert_eq!(
        *world.asked.unreachable.lock().unwrap(),
        ["deaf: the function does not listen on port 8080"]
    );
    world.add("a", &App::saying("hello"));
    assert_eq!(text(pending.response().await).await, "hello");
}

#[tokio::test]
async fn what_listens_nowhere_is_told_with_where_it_does() {
    let world = World::new(limits(5));
    for id in ["x", "y", "z"] {
        world.revision.add(id.into(), Arc::new(Deaf));
    }
    let response = world.answer(get("/")).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    let told = text(response).await;
    assert!(
        told.contains("does not listen on port 8080\nhint: it listens on 127.0.0.1:5000"),
        "{told}"
    );
}

#[tokio::test]
async fn a_revision_that_is_taken_away_answers_those_who_wait() {
    let world = World::new(limits(1));
    let pending = world.send(json(get("/")));
    world.settle().await;
    world.revision.close();
    assert_eq!(
        refusal(pending.response().await).await,
        (503, "withdrawn".to_owned())
    );
}

#[tokio::test]
async fn an_answer_for_nobody_gives_its_place_back() {
    let (gate, app) = gated();
    let world = World::of(&app, limits(1));
    let leaving = world.send(get("/"));
    world.settle().await;
    assert_eq!(world.in_flight("a"), 1);
    leaving.leave().await;
    assert_eq!(world.in_flight("a"), 0);
    gate.add_permits(1);
    assert_eq!(text(world.answer(get("/")).await).await, "through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_leaves_at_whatever_moment_the_counts_end_at_nothing() {
    let world = World::of(
        &App::saying("hello"),
        Limits {
            queue_length: 100,
            ..limits(3)
        },
    );
    world.add("b", &App::saying("hello"));
    for round in 0..20 {
        let clients: Vec<_> = (0..60).map(|_| read_all(&world)).collect();
        for (index, client) in clients.into_iter().enumerate() {
            for _ in 0..index % 7 {
                tokio::task::yield_now().await;
            }
            if (index + round) % 3 != 0 {
                client.abort();
            }
            client.ended().await;
        }
    }
    let outcomes = world.noted.ended(20 * 20).await;
    let answered = outcomes
        .iter()
        .filter(|(_, outcome, _, _)| *outcome == Outcome::Answered)
        .count();
    assert!(answered >= 20 * 20, "{answered}");
    let observed = world.revision.observe();
    assert_eq!(
        (world.in_flight("a"), world.in_flight("b"), observed.waiting),
        (0, 0, 0)
    );
}

/// Sends a request and reads its answer, in the background.
fn read_all(world: &World) -> Task {
    let gateway = Arc::clone(&world.gateway);
    world.tasks.spawn("client", async move {
        assert_eq!(text(gateway.handle(get("/"), Peer::Inside).await).await, "hello");
    })
}
