//! How many instances there are.

use std::sync::Arc;
use std::time::Duration;

use coracle_spec::Span;
use coracle_testkit::{Program, answering};
use futures::future::join_all;
use tokio::sync::Semaphore;

use crate::world::{World, config, get};

#[tokio::test]
async fn an_idle_instance_ends_and_the_next_request_starts_another() {
    let world = World::running(Program::greeting("hi")).await;
    let mut config = config();
    config.scale.idle = Span(Duration::from_millis(50));
    world.platform.deploy(world.deploy_of(config)).await.unwrap();
    world.sandboxes.created()[0].removed().await;
    assert_eq!(world.get().await.status, 200);
}

#[tokio::test]
async fn requests_that_wait_for_a_place_get_more_instances_up_to_the_maximum() {
    let gate = Arc::new(Semaphore::new(0));
    let (reached, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let wait = Arc::clone(&gate);
    let world = World::running(Program::serving(move |_, _| {
        let (wait, reached) = (Arc::clone(&wait), reached.clone());
        Box::pin(async move {
            let _ = reached.send(());
            wait.acquire().await.unwrap().forget();
            answering(200, "done")
        })
    }))
    .await;
    let mut config = config();
    (config.scale.concurrency, config.scale.max) = (1, 3);
    world.platform.deploy(world.deploy_of(config)).await.unwrap();
    let gateway = Arc::clone(&world.gateway);
    let all = tokio::task::spawn(async move { join_all((0..5).map(|_| get(&gateway))).await });
    for _ in 0..3 {
        arrivals.recv().await.unwrap();
    }
    assert_eq!(world.sandboxes.running_now().len(), 3);
    gate.add_permits(5);
    assert!(all.await.unwrap().iter().all(|answer| answer.status == 200));
    assert_eq!(world.sandboxes.created().len(), 3);
}

#[tokio::test]
async fn the_minimum_is_kept() {
    let world = World::running(Program::greeting("hi")).await;
    let mut config = config();
    config.scale.min = 2;
    config.scale.idle = Span(Duration::from_millis(1));
    world.platform.deploy(world.deploy_of(config)).await.unwrap();
    while world.sandboxes.running_now().len() < 2 {
        tokio::task::yield_now().await;
    }
    let ended = Arc::clone(&world.sandboxes.created()[0]);
    ended.crash(coracle_sandbox::Exit::Code(0));
    ended.removed().await;
    while world.sandboxes.running_now().len() < 2 {
        tokio::task::yield_now().await;
    }
}
