//! Changing how many instances there are, without a deploy.

use coracle_platform::RescaleError;
use coracle_spec::{Class, Failure as _, Freeze, ScaleChange};
use coracle_testkit::Program;

use crate::world::{World, hello};

fn between(min: u32, max: u32) -> ScaleChange {
    ScaleChange {
        min: Some(min),
        max: Some(max),
        ..ScaleChange::default()
    }
}

async fn until_running(world: &World, count: usize) {
    while world.sandboxes.running_now().len() != count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_higher_minimum_starts_instances_beside_the_one_that_serves_on() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    let first = world.sandboxes.running_now().pop().unwrap();
    let rescaled = world.platform.rescale(&hello(), between(3, 5)).await.unwrap();
    assert_eq!(
        (rescaled.before.min, rescaled.scale.min, rescaled.scale.max),
        (0, 3, 5)
    );
    until_running(&world, 3).await;
    assert!(!first.is_removed(), "what serves is not restarted");
    assert_eq!(world.platform.revisions(&hello()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_more_than_the_new_maximum_ends() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    world.platform.rescale(&hello(), between(3, 3)).await.unwrap();
    until_running(&world, 3).await;
    world.platform.rescale(&hello(), between(0, 1)).await.unwrap();
    until_running(&world, 1).await;
    assert_eq!(world.get().await.status, 200);
}

#[tokio::test]
async fn a_minimum_wakes_a_function_that_sleeps() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy_and_sleep().await;
    world.platform.rescale(&hello(), between(2, 2)).await.unwrap();
    until_running(&world, 2).await;
}

#[tokio::test]
async fn the_scale_outlives_the_platform_and_ends_with_the_next_deploy() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    world.platform.rescale(&hello(), between(2, 2)).await.unwrap();
    let (folder, sandboxes) = world.end().await;
    let world = World::on(folder, sandboxes).await;
    until_running(&world, 2).await;
    world.deploy().await.unwrap();
    let now = world
        .platform
        .rescale(&hello(), ScaleChange::default())
        .await
        .unwrap();
    assert_eq!((now.before.min, now.before.max), (0, 10));
}

#[tokio::test]
async fn a_scale_that_contradicts_itself_or_of_nothing_is_refused() {
    let world = World::running(Program::greeting("hi")).await;
    let unknown = world.platform.rescale(&hello(), between(1, 1)).await.unwrap_err();
    assert_eq!(unknown.class(), Class::NotFound);
    world.deploy().await.unwrap();
    let never = ScaleChange {
        freeze: Some(Freeze::Never),
        concurrency: Some(0),
        ..ScaleChange::default()
    };
    for wrong in [between(3, 2), between(0, 0), never] {
        let error = world.platform.rescale(&hello(), wrong).await.unwrap_err();
        assert!(matches!(error, RescaleError::Config(_)), "{error}");
    }
    assert_eq!(world.get().await.status, 200);
}
