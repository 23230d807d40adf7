//! Starting on the first request.

use std::sync::Arc;

use coracle_platform::State;
use coracle_testkit::Program;
use futures::future::join_all;

use crate::world::{World, get, hello};

#[tokio::test]
async fn fifty_concurrent_first_requests_reach_one_instance() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy_and_sleep().await;
    let gateway = Arc::clone(&world.gateway);
    let answers = join_all((0..50).map(|_| get(&gateway))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 200 && answer.body == answers[0].body)
    );
    assert_eq!(
        world.sandboxes.created().len(),
        2,
        "the deploy's instance, and one for all of them"
    );
}

#[tokio::test]
async fn the_first_request_goes_over_the_connection_that_found_the_instance_ready() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy_and_sleep().await;
    assert_eq!(world.get().await.status, 200);
    assert_eq!(world.sandboxes.created()[1].connections(), 1);
}

#[tokio::test]
async fn an_instance_that_nobody_waited_for_is_left_no_unused_connection() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    assert_eq!(world.get().await.status, 200);
    let connections = world.sandboxes.created()[0].connections();
    assert_eq!(connections, 2, "one to find it ready, one for the request");
}

#[tokio::test]
async fn a_start_that_fails_answers_everybody_who_waited_and_the_next_request_tries_again() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy_and_sleep().await;
    world.sandboxes.now_run(Program::failing(1, "secret detail\n"));
    let answers = join_all((0..20).map(|_| world.get())).await;
    for answer in answers {
        assert!(answer.status >= 500, "{}", answer.status);
        assert!(answer.body.contains("exited with code 1"), "{}", answer.body);
        assert!(!answer.body.contains("secret detail"), "{}", answer.body);
    }
    assert_eq!(world.sandboxes.created().len(), 2);
    world.sandboxes.now_run(Program::greeting("hi again"));
    let answer = world.get().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn an_instance_that_is_started_is_seen() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    let detail = world.platform.describe(&hello()).await.unwrap();
    assert_eq!(
        detail
            .instances
            .iter()
            .map(|instance| instance.state)
            .collect::<Vec<_>>(),
        [State::Ready]
    );
    assert_eq!(detail.instances[0].in_flight, 0);
    assert_eq!(world.platform.load().instances, 1);
}
