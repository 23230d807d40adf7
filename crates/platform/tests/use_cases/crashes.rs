//! Instances that end by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coracle_sandbox::Exit;
use coracle_spec::Span;
use coracle_testkit::{FakeSandboxes, Program, answering};

use crate::world::{World, config, hello};

#[tokio::test]
async fn an_instance_that_ends_is_replaced_on_the_next_request() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    let first = world.get().await.body;
    world.sandboxes.running_now()[0].crash(Exit::Signal(11));
    world.sandboxes.created()[0].removed().await;
    let second = world.get().await;
    assert_eq!(second.status, 200);
    assert_ne!(second.body, first);
    let events = world.platform.describe(&hello()).await.unwrap().events;
    assert!(
        events
            .iter()
            .any(|event| event.message.contains("signal 11 ended it")),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_loop_of_crashes_slows_down_and_says_why() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy_and_sleep().await;
    world.sandboxes.now_run(Program::serving(|sandbox, _| {
        Box::pin(async move {
            sandbox.crash(Exit::OutOfMemory);
            answering(200, "never arrives")
        })
    }));
    let mut last = String::new();
    for _ in 0..10 {
        last = world.get().await.body;
    }
    assert!(last.contains("used more memory than it may"), "{last}");
    assert!(
        world.sandboxes.created().len() < 6,
        "{} instances",
        world.sandboxes.created().len()
    );
}

#[tokio::test]
async fn a_machine_that_makes_no_sandboxes_is_told_as_such() {
    let world = World::running(Program::greeting("hi")).await;
    world
        .sandboxes
        .refuse(Some(FakeSandboxes::refusal("no space left")));
    let error = world.deploy().await.unwrap_err();
    assert!(error.to_string().contains("no space left"), "{error}");
    world.sandboxes.refuse(None);
    world.deploy().await.unwrap();
}

#[tokio::test]
async fn an_instance_that_is_no_longer_well_is_replaced() {
    let ill = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&ill);
    let world = World::running(Program::serving(move |_, request| {
        let ill = request.uri().path() == "/healthz" && shared.load(Ordering::Relaxed);
        Box::pin(async move { answering(if ill { 500 } else { 200 }, "hi") })
    }))
    .await;
    let mut config = config();
    config.health.path = Some("/healthz".to_owned());
    config.health.interval = Span(Duration::from_millis(5));
    world.platform.deploy(world.deploy_of(config)).await.unwrap();
    ill.store(true, Ordering::Relaxed);
    world.sandboxes.created()[0].removed().await;
    ill.store(false, Ordering::Relaxed);
    assert_eq!(world.get().await.status, 200);
    let events = world.platform.describe(&hello()).await.unwrap().events;
    let said = events.iter().find(|event| event.kind == "unhealthy").unwrap();
    assert!(
        said.message.ends_with("failed its health checks: status 500"),
        "{said:?}"
    );
}
