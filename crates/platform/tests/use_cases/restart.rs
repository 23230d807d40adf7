//! A platform that ends, and another one on the same state.

use std::sync::Arc;

use coracle_sandbox::{Adopted, Sandbox as _, SandboxSpec, Sandboxes as _};
use coracle_testkit::Program;

use crate::world::World;

#[tokio::test]
async fn what_was_deployed_serves_again_after_a_restart() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    let (folder, sandboxes) = world.end().await;
    assert!(sandboxes.running_now().is_empty());
    let world = World::on(folder, sandboxes).await;
    assert_eq!(
        world.sandboxes.created().len(),
        1,
        "nothing starts before it is needed"
    );
    let answer = world.get().await;
    assert!(answer.body.starts_with("hi from hello-1-"), "{}", answer.body);
    let deployed = world.deploy().await.unwrap();
    assert_eq!(deployed.revision.number, 2);
}

#[tokio::test]
async fn ending_ends_every_instance() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    let sandbox = Arc::clone(&world.sandboxes.created()[0]);
    world.end().await;
    assert!(sandbox.is_removed());
}

#[tokio::test]
async fn an_instance_that_outlived_its_server_serves_on_and_others_are_cleared_away() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    let spec = world.sandboxes.created()[0].spec().clone();
    let (folder, sandboxes) = world.end().await;
    let mut left = Vec::new();
    for (id, revision) in [("current", "1"), ("outdated", "7")] {
        let mut spec = SandboxSpec {
            id: id.parse().unwrap(),
            ..spec.clone()
        };
        spec.process
            .env
            .insert("CORACLE_REVISION".to_owned(), revision.to_owned());
        let sandbox = sandboxes.create(spec.clone()).await.unwrap();
        sandbox.start().await.unwrap();
        left.push(Adopted {
            spec,
            started: true,
            sandbox,
        });
    }
    let world = World::adopting(folder, sandboxes, left).await;
    assert_eq!(world.get().await.body, "hi from current");
    let outdated = Arc::clone(&world.sandboxes.created()[2]);
    assert_eq!(outdated.id().as_str(), "outdated");
    outdated.removed().await;
}
