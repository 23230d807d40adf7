//! Sandboxes that are created and not started.

use std::sync::Arc;

use coracle_sandbox::Sandbox as _;
use coracle_testkit::{FakeSandbox, Program};

use crate::world::{World, config, hello};

/// Waits for the spare of a function that has gone to sleep.
async fn spare(world: &World) -> Arc<FakeSandbox> {
    loop {
        if let Some(spare) = world.sandboxes.created().get(1) {
            // Kept once its creation has been answered.
            tokio::task::yield_now().await;
            return Arc::clone(spare);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_sleeping_function_is_woken_on_its_spare() {
    let world = World::with_spares(1, Program::greeting("hi")).await;
    world.deploy_and_sleep().await;
    let spare = spare(&world).await;
    assert!(!spare.is_running());
    let answer = world.get().await;
    assert_eq!(answer.body, format!("hi from {}", spare.id()));
    assert_eq!(world.sandboxes.created().len(), 2);
}

#[tokio::test]
async fn a_spare_made_with_a_secret_that_changed_is_not_used() {
    let world = World::with_spares(1, Program::greeting("hi")).await;
    let namespace = hello().namespace;
    world
        .platform
        .set_secret(&namespace, "key", b"one".to_vec())
        .await
        .unwrap();
    let mut config = config();
    config.secrets = vec!["key".to_owned()];
    config.scale.idle = coracle_spec::Span(std::time::Duration::from_millis(50));
    world.platform.deploy(world.deploy_of(config)).await.unwrap();
    let spare = spare(&world).await;
    world
        .platform
        .set_secret(&namespace, "key", b"two".to_vec())
        .await
        .unwrap();
    spare.removed().await;
    assert_eq!(world.get().await.status, 200);
    let awake = world.sandboxes.running_now().pop().unwrap();
    assert!(awake.spec().files.iter().any(|file| file.contents == b"two"));
}

#[tokio::test]
async fn spares_go_with_their_revision_and_with_the_platform() {
    let world = World::with_spares(1, Program::greeting("hi")).await;
    world.deploy_and_sleep().await;
    let old = spare(&world).await;
    world.deploy().await.unwrap();
    old.removed().await;
    let (_, sandboxes) = world.end().await;
    assert!(sandboxes.created().iter().all(|sandbox| sandbox.is_removed()));
}

#[tokio::test]
async fn a_spare_that_was_lost_is_replaced() {
    let world = World::with_spares(1, Program::greeting("hi")).await;
    world.deploy_and_sleep().await;
    spare(&world).await.lose();
    assert_eq!(world.get().await.status, 200);
    assert_eq!(world.sandboxes.created().len(), 3);
}
