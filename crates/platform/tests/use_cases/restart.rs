//! A platform that ends, and another one on the same state.

use std::sync::Arc;

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
