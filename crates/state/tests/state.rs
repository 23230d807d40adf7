//! Functions, revisions, builds and events, as the platform uses them.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::os::unix::fs::PermissionsExt;

use coracle_spec::revision::Scale;
use coracle_spec::{Class, Digest, Failure, FunctionId, RevisionConfig};
use coracle_state::{BuildStatus, LogLimits, NewEvent, NewRevision, RevisionStatus, State, StateError};

fn open(directory: &tempfile::TempDir) -> State {
    State::open(directory.path(), LogLimits::default()).unwrap()
}

fn id(text: &str) -> FunctionId {
    text.parse().unwrap()
}

fn new(function: &str, image: &str) -> NewRevision {
    let config = RevisionConfig {
        env: [("A".to_owned(), image.to_owned())].into(),
        ..RevisionConfig::default()
    };
    NewRevision {
        function: id(function),
        image: Digest::of(image),
        reference: Some(image.to_owned()),
        config,
        author: Some("ada".to_owned()),
    }
}

#[tokio::test]
async fn a_revision_serves_only_once_it_is_activated_and_then_until_the_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    let first = state.begin_revision(new("hello", "one")).await.unwrap();
    assert_eq!((first.number, first.status), (1, RevisionStatus::Starting));
    assert!(state.functions().await.unwrap().is_empty());
    assert_eq!(state.activate_revision(&id("hello"), 1).await.unwrap(), None);

    let second = state.begin_revision(new("hello", "two")).await.unwrap();
    state.fail_revision(&id("hello"), second.number).await.unwrap();
    assert_eq!(
        state
            .function(&id("hello"))
            .await
            .unwrap()
            .unwrap()
            .current
            .number,
        1
    );

    let third = state.begin_revision(new("hello", "three")).await.unwrap();
    assert_eq!(
        state.activate_revision(&id("hello"), third.number).await.unwrap(),
        Some(1)
    );
    let statuses: Vec<_> = state.revisions(&id("hello")).await.unwrap();
    let statuses: Vec<_> = statuses
        .iter()
        .map(|revision| (revision.number, revision.status))
        .collect();
    let (ready, failed) = (RevisionStatus::Ready, RevisionStatus::Failed);
    assert_eq!(statuses, [(3, ready), (2, failed), (1, ready)]);
}

#[tokio::test]
async fn what_is_stored_comes_back_the_same_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    let stored = state.begin_revision(new("hello.team", "one")).await.unwrap();
    state.activate_revision(&id("hello.team"), 1).await.unwrap();
    state.begin_revision(new("other", "two")).await.unwrap();
    drop(state);

    let state = open(&directory);
    assert_eq!(state.fail_unfinished_revisions().await.unwrap(), 1);
    let functions = state.functions().await.unwrap();
    assert_eq!(functions.len(), 1);
    let expected = coracle_state::Revision {
        status: RevisionStatus::Ready,
        ..stored
    };
    assert_eq!(functions[0].current, expected);
    assert_eq!(
        state.revision(&id("hello.team"), 1).await.unwrap(),
        Some(expected)
    );
    assert_eq!(
        state.revision(&id("other"), 1).await.unwrap().unwrap().status,
        RevisionStatus::Failed
    );
    let mut images = vec![Digest::of("one"), Digest::of("two")];
    images.sort_by_key(ToString::to_string);
    assert_eq!(state.images().await.unwrap(), images);
    assert_eq!(State::images_in(directory.path()).unwrap(), images);
}

#[tokio::test]
async fn going_back_to_a_revision_keeps_the_scale_and_a_deploy_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    for number in 1..=2 {
        state.begin_revision(new("hello", "one")).await.unwrap();
        state.activate_revision(&id("hello"), number).await.unwrap();
    }
    let scale = Scale {
        min: 3,
        ..Scale::default()
    };
    state.set_scale(&id("hello"), scale.clone()).await.unwrap();
    state.return_to_revision(&id("hello"), 1).await.unwrap();
    let function = state.function(&id("hello")).await.unwrap().unwrap();
    assert_eq!(
        (function.current.number, function.scale),
        (1, Some(scale.clone()))
    );

    state.begin_revision(new("hello", "two")).await.unwrap();
    state.activate_revision(&id("hello"), 3).await.unwrap();
    let function = state.function(&id("hello")).await.unwrap().unwrap();
    assert_eq!((function.current.number, function.scale), (3, None));
    let unknown = state.set_scale(&id("boat"), scale).await.unwrap_err();
    assert_eq!(unknown.class(), Class::NotFound);
    assert!(state.return_to_revision(&id("boat"), 1).await.is_err());
}

#[tokio::test]
async fn a_removed_function_leaves_nothing_and_can_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    state.begin_revision(new("hello", "one")).await.unwrap();
    state.activate_revision(&id("hello"), 1).await.unwrap();
    assert!(state.remove_function(&id("hello")).await.unwrap());
    assert!(!state.remove_function(&id("hello")).await.unwrap());
    assert!(state.revisions(&id("hello")).await.unwrap().is_empty());
    assert_eq!(state.begin_revision(new("hello", "two")).await.unwrap().number, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_change_that_fails_takes_none_of_those_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    state.begin_revision(new("hello", "one")).await.unwrap();
    let hello = id("hello");
    let changes = (0..200_u64).map(|index| {
        let (state, hello) = (state.clone(), hello.clone());
        async move {
            if index % 2 == 0 {
                state
                    .begin_revision(new("hello", "more"))
                    .await
                    .map(|revision| revision.number)
            } else {
                state.activate_revision(&hello, 9000 + index).await.map(|_| 0)
            }
        }
    });
    let results = futures::future::join_all(changes).await;
    let mut numbers: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().ok().copied())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=101).collect::<Vec<_>>());
    let failures: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .collect();
    assert_eq!(failures.len(), 100);
    assert!(failures.iter().all(|error| error.class() == Class::NotFound));
    assert_eq!(state.revisions(&hello).await.unwrap().len(), 101);
}

#[tokio::test]
async fn the_last_events_of_a_function_are_kept_newest_first() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    for number in 0..510 {
        let function = id(if number == 0 { "other" } else { "hello" });
        let event = NewEvent {
            function,
            kind: "started".to_owned(),
            message: number.to_string(),
            detail: (number == 509).then(|| serde_json::json!({"code": 3})),
        };
        state.add_event(event).await.unwrap();
    }
    let events = state.events(&id("hello"), 1000).await.unwrap();
    assert_eq!((events.len(), events[0].message.as_str()), (500, "509"));
    assert_eq!(events[0].detail, Some(serde_json::json!({"code": 3})));
    assert_eq!(state.events(&id("hello"), 2).await.unwrap(), events[..2]);
    assert_eq!(state.events(&id("other"), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn builds_are_kept_with_how_they_ended() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    let built = state.begin_build("a".to_owned()).await.unwrap();
    let failed = state.begin_build("b".to_owned()).await.unwrap();
    state.begin_build("c".to_owned()).await.unwrap();
    state
        .end_build(built, BuildStatus::Built(Digest::of("image")))
        .await
        .unwrap();
    state
        .end_build(failed, BuildStatus::Failed("no".to_owned()))
        .await
        .unwrap();
    let ended: Vec<_> = state
        .builds(10)
        .await
        .unwrap()
        .into_iter()
        .map(|build| build.ended)
        .collect();
    let expected = [
        None,
        Some(BuildStatus::Failed("no".to_owned())),
        Some(BuildStatus::Built(Digest::of("image"))),
    ];
    assert_eq!(ended, expected);
}

#[tokio::test]
async fn nobody_else_reads_the_database() {
    let directory = tempfile::tempdir().unwrap();
    let state = open(&directory);
    state.begin_build("a".to_owned()).await.unwrap();
    for file in ["state.db", "state.db-wal"] {
        let mode = fs_err::metadata(directory.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{file}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs_err::write(&file, "").unwrap();
    let error = State::open(&file.join("data"), LogLimits::default())
        .err()
        .unwrap();
    assert!(matches!(&error, StateError::Directory(source) if source.to_string().contains("file/data")));
}
