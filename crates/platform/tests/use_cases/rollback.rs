//! Going back to an earlier revision.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coracle_content::Store;
use coracle_platform::{RevisionStatus, RollbackError};
use coracle_spec::{Class, Failure as _, ScaleChange};
use coracle_testkit::Program;

use crate::world::{World, get, hello};

/// Deploys three revisions, of which the second fails.
async fn world_of_three() -> World {
    let world = World::running(Program::greeting("one")).await;
    world.deploy().await.unwrap();
    world.sandboxes.now_run(Program::failing(1, "no\n"));
    world.deploy().await.unwrap_err();
    world.sandboxes.now_run(Program::greeting("three"));
    world.deploy().await.unwrap();
    world.sandboxes.now_run(Program::greeting("again"));
    world
}

/// Answers number, status and whether it serves, newest first.
async fn history(world: &World) -> Vec<(u64, RevisionStatus, bool)> {
    let revisions = world.platform.revisions(&hello()).await.unwrap();
    let seen = revisions
        .iter()
        .map(|one| (one.revision.number, one.status, one.serving));
    seen.collect()
}

#[tokio::test]
async fn the_last_earlier_revision_that_was_ready_serves_again_and_the_history_stays() {
    let world = world_of_three().await;
    let deployed = world.platform.roll_back(&hello(), None).await.unwrap();
    assert_eq!((deployed.revision.number, deployed.replaced), (1, Some(3)));
    assert!(world.get().await.body.starts_with("again from hello-1-"));
    let (ready, failed) = (RevisionStatus::Ready, RevisionStatus::Failed);
    assert_eq!(
        history(&world).await,
        [(3, ready, false), (2, failed, false), (1, ready, true)]
    );

    let deployed = world.platform.roll_back(&hello(), Some(3)).await.unwrap();
    assert_eq!((deployed.revision.number, deployed.replaced), (3, Some(1)));
    let next = world.deploy().await.unwrap();
    assert_eq!((next.revision.number, next.replaced), (4, Some(3)));
}

#[tokio::test]
async fn the_revision_that_was_returned_to_serves_after_a_restart() {
    let world = world_of_three().await;
    world.platform.roll_back(&hello(), None).await.unwrap();
    let (folder, sandboxes) = world.end().await;
    let world = World::on(folder, sandboxes).await;
    assert!(world.get().await.body.starts_with("again from hello-1-"));
}

#[tokio::test]
async fn what_cannot_be_returned_to_is_refused_and_nothing_changes() {
    let world = world_of_three().await;
    let refused = async |to| world.platform.roll_back(&hello(), to).await.unwrap_err();
    assert!(matches!(refused(Some(2)).await, RollbackError::NeverReady { .. }));
    assert!(matches!(refused(Some(9)).await, RollbackError::NoRevision { .. }));
    assert!(matches!(refused(Some(3)).await, RollbackError::Serves { .. }));
    let unknown = world.platform.roll_back(&"boat".parse().unwrap(), None).await;
    assert_eq!(unknown.unwrap_err().class(), Class::NotFound);
    assert!(world.get().await.body.starts_with("three"));

    world.platform.roll_back(&hello(), None).await.unwrap();
    let first = world.platform.roll_back(&hello(), None).await.unwrap_err();
    assert_eq!(
        first.to_string(),
        "`hello` has no earlier revision that was ready"
    );
}

#[tokio::test]
async fn an_earlier_revision_that_does_not_start_any_more_changes_nothing() {
    let world = world_of_three().await;
    world.sandboxes.now_run(Program::failing(7, "rust\n"));
    let error = world.platform.roll_back(&hello(), None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`hello` revision 1 did not start: it exited with code 7"
    );
    assert!(world.get().await.body.starts_with("three"));
    assert_eq!(history(&world).await[2], (1, RevisionStatus::Ready, false));
}

#[tokio::test]
async fn a_revision_whose_image_was_collected_is_told_so() {
    let world = world_of_three().await;
    let store = Store::open(&world.folder.path().join("store")).unwrap();
    fs_err::remove_file(store.existing_blob(&world.image).unwrap().path).unwrap();
    let error = world.platform.roll_back(&hello(), None).await.unwrap_err();
    assert!(
        matches!(error, RollbackError::NoImage { number: 1, .. }),
        "{error}"
    );
    assert!(world.get().await.body.starts_with("three"));
}

#[tokio::test]
async fn the_scale_that_was_asked_for_survives_going_back() {
    let world = world_of_three().await;
    let change = ScaleChange {
        max: Some(4),
        ..ScaleChange::default()
    };
    world.platform.rescale(&hello(), change).await.unwrap();
    world.platform.roll_back(&hello(), None).await.unwrap();
    let again = world.platform.rescale(&hello(), ScaleChange::default()).await;
    assert_eq!(again.unwrap().before.max, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_revisions_come_and_go() {
    let world = world_of_three().await;
    let over = Arc::new(AtomicBool::new(false));
    let (gateway, ended) = (Arc::clone(&world.gateway), Arc::clone(&over));
    let asking = tokio::task::spawn(async move {
        let mut answers = Vec::new();
        while !ended.load(Ordering::Relaxed) {
            answers.push(get(&gateway).await);
        }
        answers
    });
    for to in [1, 3, 1, 3, 1] {
        world.platform.roll_back(&hello(), Some(to)).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let answers = asking.await.unwrap();
    assert!(!answers.is_empty());
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
