//! Starting, and what stands in the way.

use std::os::unix::fs::PermissionsExt as _;

use coracle_server::{DataDirectory, DataError, Listen, ListenError, ServeConfig, ServeError};
use coracle_spec::{Class, Failure as _};
use coracle_testkit::{FakeSandboxes, Program};

use crate::world::{World, settings, start};

#[tokio::test]
async fn the_first_start_makes_secrets_for_its_owner_only() {
    let world = World::running(Program::greeting("hi")).await;
    let made = world.server.secrets().made();
    let names: Vec<_> = made
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["admin-password", "payload-secret", "build-secrets-key"]);
    for path in made {
        assert_eq!(
            fs_err::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused_with_the_process_of_the_first() {
    let world = World::running(Program::greeting("hi")).await;
    let error = DataDirectory::take(world.folder.path()).unwrap_err();
    let DataError::Owned { pid, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*pid, std::process::id().to_string());
}

#[tokio::test]
async fn a_taken_port_is_said_and_nothing_is_left_behind() {
    let world = World::running(Program::greeting("hi")).await;
    let folder = tempfile::tempdir().unwrap();
    let taken = ServeConfig {
        listen: Listen::At(world.server.address()),
        ..settings()
    };
    let sandboxes = FakeSandboxes::running(Program::greeting("hi"));
    let error = start(folder.path(), taken, &sandboxes)
        .await
        .err()
        .expect("two servers on one port");
    assert!(
        matches!(&error, ServeError::Listen(ListenError::Taken(address)) if *address == world.server.address())
    );
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.hint().unwrap().contains("--listen"));
    start(folder.path(), settings(), &sandboxes).await.unwrap();
}
