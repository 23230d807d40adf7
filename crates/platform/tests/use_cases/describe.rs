//! What is told of a function that does not do well.

use std::sync::Arc;

use coracle_platform::{FunctionDetail, Standing};
use coracle_sandbox::Exit;
use coracle_testkit::{Program, answering};

use crate::world::{World, config, hasty, hello};

async fn described(world: &World) -> FunctionDetail {
    world.platform.describe(&hello()).await.unwrap()
}

#[tokio::test]
async fn a_function_that_serves_is_ready_and_has_no_hints() {
    let world = World::running(Program::greeting("hi")).await;
    let by = Some("ada".to_owned());
    world
        .platform
        .deploy_for(by, world.deploy_of(config()))
        .await
        .unwrap();
    let detail = described(&world).await;
    assert_eq!(detail.condition.standing, Standing::Ready);
    assert_eq!(detail.condition.reason, "an instance serves");
    let revision = detail.revision.unwrap().revision;
    assert_eq!((revision.number, revision.author.as_deref()), (1, Some("ada")));
    let image = detail.image.unwrap();
    assert_eq!((image.port, image.command), (8080, vec!["/serve".to_owned()]));
    assert!(detail.hints.is_empty() && detail.last_failure.is_none());
}

#[tokio::test]
async fn a_function_that_sleeps_is_no_failure() {
    let world = World::with_spares(1, Program::greeting("hi")).await;
    world.deploy_and_sleep().await;
    let mut detail = described(&world).await;
    while !detail.spare {
        tokio::task::yield_now().await;
        detail = described(&world).await;
    }
    // The exit was noted before the spare was made, but maybe after the events were read.
    let detail = described(&world).await;
    assert_eq!(detail.condition.standing, Standing::Asleep);
    assert!(detail.exits[0].what.told_to);
    assert!(detail.hints.is_empty(), "{:?}", detail.hints);
}

#[tokio::test]
async fn a_wrong_port_in_the_first_deploy_is_described_though_nothing_serves() {
    let world = World::running(Program::listening_on(3000)).await;
    world.platform.deploy(world.deploy_of(hasty())).await.unwrap_err();
    let detail = described(&world).await;
    assert_eq!(detail.condition.standing, Standing::NeverReady);
    assert_eq!(detail.failed_revision, Some(1));
    let failure = detail.last_failure.unwrap().what;
    assert_eq!((failure.revision, failure.listened_on), (1, vec![3000]));
    assert!(
        failure.cause.contains("it listens on 3000 instead"),
        "{}",
        failure.cause
    );
    assert!(detail.hints[0].contains("`port: 3000`"), "{:?}", detail.hints);
}

#[tokio::test]
async fn a_failed_revision_is_told_beside_the_one_that_serves() {
    let world = World::running(Program::greeting("hi")).await;
    world.deploy().await.unwrap();
    world
        .sandboxes
        .now_run(Program::failing(3, "Traceback\nKeyError: 'DB'\n"));
    world.deploy().await.unwrap_err();
    let detail = described(&world).await;
    assert_eq!(detail.condition.standing, Standing::Ready);
    assert_eq!(detail.failed_revision, Some(2));
    let failure = detail.last_failure.unwrap().what;
    assert_eq!(failure.said, ["Traceback", "KeyError: 'DB'"]);
    assert_eq!(detail.exits[0].what.code, Some(3));
    assert!(detail.lines.iter().any(|line| line.text == "KeyError: 'DB'"));
}

#[tokio::test]
async fn a_loop_of_crashes_for_want_of_memory_is_told_with_what_to_do() {
    let world = World::running(Program::serving(|sandbox, _| {
        Box::pin(async move {
            sandbox.crash(Exit::OutOfMemory);
            answering(200, "never arrives")
        })
    }))
    .await;
    world.deploy().await.unwrap();
    world.get().await;
    let first = Arc::clone(&world.sandboxes.created()[0]);
    first.removed().await;
    let mut detail = described(&world).await;
    while detail.condition.standing != Standing::Failing {
        tokio::task::yield_now().await;
        detail = described(&world).await;
    }
    assert!(detail.exits[0].what.out_of_memory && !detail.exits[0].what.told_to);
    assert!(
        detail.condition.reason.contains("more memory"),
        "{}",
        detail.condition.reason
    );
    assert!(
        detail.hints.iter().any(|hint| hint.contains("resources.memory")),
        "{:?}",
        detail.hints
    );
}

#[tokio::test]
async fn what_happened_is_told_after_a_restart_too() {
    let world = World::running(Program::failing(3, "no\n")).await;
    world.deploy().await.unwrap_err();
    let (folder, sandboxes) = world.end().await;
    let world = World::on(folder, sandboxes).await;
    let detail = described(&world).await;
    assert_eq!(detail.last_failure.unwrap().what.said, ["no"]);
    assert_eq!(detail.condition.standing, Standing::NeverReady);
}
