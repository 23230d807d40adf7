//! Instances that end by themselves.

use coracle_sandbox::Exit;
use coracle_testkit::{FakeSandboxes, Program, answering};

use crate::world::{World, hello};

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
