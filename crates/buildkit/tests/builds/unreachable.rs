//! Addresses where no BuildKit is.

use std::os::unix::fs::PermissionsExt as _;

use coracle_buildkit::SolveError;
use coracle_spec::{Class, Failure as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};

use crate::world::{World, place, socket};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_address_says_what_to_start() {
    let world = World::new();
    let solve = world.solve("FROM scratch\n");
    let missing = world.root.path().join("no.sock");
    for (place, hint) in [
        (socket(&missing), "start `buildkitd`"),
        (place("tcp://127.0.0.1:1"), "start `buildkitd`"),
        (place(&format!("docker://{}", missing.display())), "start Docker"),
    ] {
        let error = world.build(&place, &solve).await.unwrap_err();
        assert!(error.to_string().contains(&place.address.to_string()), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
        assert_eq!(error.class(), Class::Unavailable);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_something_else_or_hangs_up_is_no_buildkit() {
    let world = World::new();
    let solve = world.solve("FROM scratch\n");
    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = web.local_addr().unwrap();
    let serving = async {
        loop {
            let (mut stream, _) = web.accept().await.unwrap();
            // What is closed unread is reset, and the answer may be lost with it.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    };
    let asking = async {
        let alone = world
            .build(&place(&format!("tcp://{address}")), &solve)
            .await
            .unwrap_err();
        assert!(matches!(alone, SolveError::Talk { .. }), "{alone:?}");
        let docker = world
            .build(&place(&format!("docker://{address}")), &solve)
            .await
            .unwrap_err();
        assert!(
            docker.to_string().contains("404 Not Found to `POST /grpc`"),
            "{docker}"
        );
    };
    tokio::select! {
        () = serving => {}
        () = asking => {}
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for_without_end() {
    let world = World::new();
    let solve = world.solve("FROM scratch\n");
    let path = world.root.path().join("silent.sock");
    let silent = UnixListener::bind(&path).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let error = world.build(&socket(&path), &solve).await.unwrap_err();
    assert!(
        error.to_string().contains("does not answer within 10 s"),
        "{error}"
    );
    drop(silent);
}
